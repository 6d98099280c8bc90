"""Magics for IPython and Jupyter: ``%load_ext trippy_nb``, then ``%trace HOST``.

IPython loads this room, and is imported nowhere else but where a cell is drawn.
"""

from trippy_nb.magic.magics import load_ipython_extension as load_ipython_extension
from trippy_nb.magic.magics import unload_ipython_extension as unload_ipython_extension
