"""What a generator can tell beyond the state: counting statistics, periodic steady states, derivatives, control."""
