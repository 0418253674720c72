"""Functions over grids of parameters, in parallel, with stores that survive crashes."""
