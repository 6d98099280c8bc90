"""The world as the operating system offers it: channels per kind of socket and privilege, names, clocks."""

from trippy_nb.net.live import LiveNetwork as LiveNetwork
from trippy_nb.net.resolve import reverse_name as reverse_name
