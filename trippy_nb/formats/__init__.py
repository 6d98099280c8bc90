"""Files of other tools, read into our tables; what a source cannot tell stays missing, and flags say so."""

from trippy_nb.formats.ripe_atlas import read_atlas as read_atlas
