"""Round-trip times: how they are distributed, where they come from, and what they cannot be."""

from trippy_nb.analysis.latencies.anomalies import delay_anomalies as delay_anomalies
from trippy_nb.analysis.latencies.delays import delays as delays
from trippy_nb.analysis.latencies.distributions import densities as densities
from trippy_nb.analysis.latencies.distributions import ecdf as ecdf
from trippy_nb.analysis.latencies.distributions import histograms as histograms
from trippy_nb.analysis.latencies.distributions import quantile_bands as quantile_bands
from trippy_nb.analysis.latencies.lastmile import daily_swing as daily_swing
from trippy_nb.analysis.latencies.lastmile import last_mile as last_mile
from trippy_nb.analysis.latencies.light import light_check as light_check
from trippy_nb.analysis.latencies.spikes import spikes as spikes
