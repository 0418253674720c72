"""Systems with parts and rates that have names; each gives its master equation."""
