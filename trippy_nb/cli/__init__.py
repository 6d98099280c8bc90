"""The command line."""

from trippy_nb.cli.main import main as main
