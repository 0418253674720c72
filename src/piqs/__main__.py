"""``python -m piqs`` is the ``piqs`` command."""

from piqs.cli import main

if __name__ == "__main__":
    main(prog_name="piqs")
