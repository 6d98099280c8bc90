"""RIPE Atlas."""

from trippy_nb.formats.ripe_atlas.results import read_atlas as read_atlas
