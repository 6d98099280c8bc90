"""Which probe a row of another table belongs to."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trippy_nb.frames.schema import PROBES

_KEY: Final = list(PROBES.key)


def probe_rows(frame: pd.DataFrame, probes: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Find the row of its probe for each row of REPLIES or PACKETS; -1 where there is none."""
    left = pd.DataFrame({name: frame[name].to_numpy(np.int64, na_value=-1) for name in _KEY})
    right = pd.DataFrame({name: probes[name].to_numpy(np.int64) for name in _KEY})
    right["row"] = np.arange(len(right))
    return left.merge(right, on=_KEY, how="left")["row"].fillna(-1).to_numpy(np.int64)
