"""Alert conditions as SmokePing and PingPlotter have them, over recorded runs.

A matcher is a frozen value: what raises an alert, what clears it, and how long either has to hold. `alerts`
asks it of each series of samples. All of it is recomputed from the probes; nothing is watched or sent.
"""

from trippy_nb.analysis.matchers.alerts import Matchers as Matchers
from trippy_nb.analysis.matchers.alerts import alerts as alerts
from trippy_nb.analysis.matchers.base import Judged as Judged
from trippy_nb.analysis.matchers.base import Matcher as Matcher
from trippy_nb.analysis.matchers.patterns import Pattern as Pattern
from trippy_nb.analysis.matchers.pingplotter import AddressInRoute as AddressInRoute
from trippy_nb.analysis.matchers.pingplotter import JitterOver as JitterOver
from trippy_nb.analysis.matchers.pingplotter import LatencyOver as LatencyOver
from trippy_nb.analysis.matchers.pingplotter import LossOver as LossOver
from trippy_nb.analysis.matchers.pingplotter import MosBelow as MosBelow
from trippy_nb.analysis.matchers.pingplotter import RouteChanged as RouteChanged
from trippy_nb.analysis.matchers.pingplotter import mos as mos
from trippy_nb.analysis.matchers.reading import from_smokeping as from_smokeping
from trippy_nb.analysis.matchers.series import Samples as Samples
from trippy_nb.analysis.matchers.series import sample_series as sample_series
from trippy_nb.analysis.matchers.smokeping import Avgratio as Avgratio
from trippy_nb.analysis.matchers.smokeping import CheckLatency as CheckLatency
from trippy_nb.analysis.matchers.smokeping import CheckLoss as CheckLoss
from trippy_nb.analysis.matchers.smokeping import ConsecutiveLoss as ConsecutiveLoss
from trippy_nb.analysis.matchers.smokeping import ExpLoss as ExpLoss
from trippy_nb.analysis.matchers.smokeping import Median as Median
from trippy_nb.analysis.matchers.smokeping import Medratio as Medratio
