"""`python -m trippy_nb` is the `trippy-nb` command."""

from trippy_nb.cli import main

main(prog_name="trippy-nb")
