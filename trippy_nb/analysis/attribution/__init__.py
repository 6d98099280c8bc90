"""Loss attribution: what a hop did not answer, what a link lost, and what cannot be told apart."""

from trippy_nb.analysis.attribution.table import attribute_loss as attribute_loss
