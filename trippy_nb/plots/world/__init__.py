"""The world, and paths over it: an outline that comes with the package, and no request to anybody."""

from trippy_nb.plots.world.picture import plot_map as plot_map
