"""The built-in internet: the network of a scenario file, traced through real bytes in virtual time.

>>> from trippy_nb import sim
>>> sim.load("first-steps")
<SimNetwork 'first-steps' at 0 s>
"""

from trippy_nb.sim.changing import Part as Part
from trippy_nb.sim.changing import broken as broken
from trippy_nb.sim.changing import changed as changed
from trippy_nb.sim.channel import SimChannel as SimChannel
from trippy_nb.sim.clock import VirtualClock as VirtualClock
from trippy_nb.sim.forward import Forwarder as Forwarder
from trippy_nb.sim.inventing import random as random
from trippy_nb.sim.library import catalogue as catalogue
from trippy_nb.sim.library import describe as describe
from trippy_nb.sim.library import load as load
from trippy_nb.sim.library import scenarios as scenarios
from trippy_nb.sim.network import SimNetwork as SimNetwork
from trippy_nb.sim.reading import parse_scenario as parse_scenario
from trippy_nb.sim.reading import read_scenario as read_scenario
from trippy_nb.sim.scenario import Scenario as Scenario
from trippy_nb.sim.traffic import Traffic as Traffic
from trippy_nb.sim.truth import TrueHop as TrueHop
from trippy_nb.sim.truth import TrueLink as TrueLink
from trippy_nb.sim.truth import TruePath as TruePath
from trippy_nb.sim.truth import Truth as Truth
from trippy_nb.sim.writing import scenario_toml as scenario_toml
from trippy_nb.sim.writing import spell_value as spell_value
