"""The models of Table II of the paper, ready to run: one module per row."""

#: Name of each model on the command line and its module.
MODELS: dict[str, str] = {}
