"""What is known of an address beside the trace itself: for now, its name."""

from trippy_nb.enrich.names import NameBook as NameBook
