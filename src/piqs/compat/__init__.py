"""What exists for the sake of QuTiP's piqs and of piqs 1.x."""
