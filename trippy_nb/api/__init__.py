"""The verbs: trace, live, rounds, read, compare, handles, sessions, stop_all, doctor, lens, play."""

from trippy_nb.api.discover import HiddenChance as HiddenChance
from trippy_nb.api.discover import discover as discover
from trippy_nb.api.discover import prepare_discovery as prepare_discovery
from trippy_nb.api.files import compare as compare
from trippy_nb.api.files import compare_many as compare_many
from trippy_nb.api.files import read as read
from trippy_nb.api.lens import lens as lens
from trippy_nb.api.live import Live as Live
from trippy_nb.api.live import live as live
from trippy_nb.api.play import play as play
from trippy_nb.api.pmtu import SizesKnown as SizesKnown
from trippy_nb.api.pmtu import pmtu as pmtu
from trippy_nb.api.pmtu import prepare_pmtu as prepare_pmtu
from trippy_nb.api.process import doctor as doctor
from trippy_nb.api.process import handles as handles
from trippy_nb.api.process import sessions as sessions
from trippy_nb.api.process import stop_all as stop_all
from trippy_nb.api.rounds import Round as Round
from trippy_nb.api.rounds import Rounds as Rounds
from trippy_nb.api.rounds import rounds as rounds
from trippy_nb.api.tracing import TICK_S as TICK_S
from trippy_nb.api.tracing import Tracing as Tracing
from trippy_nb.api.tracing import live_network as live_network
from trippy_nb.api.tracing import prepare as prepare
from trippy_nb.api.tracing import trace as trace
from trippy_nb.api.tracing import trace_async as trace_async
