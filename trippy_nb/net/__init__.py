"""The world as the operating system offers it: channels per kind of socket and privilege, names, clocks."""

from trippy_nb.net.doctor import examine as examine
from trippy_nb.net.doctor import ways as ways
from trippy_nb.net.findings import LOOPBACK as LOOPBACK
from trippy_nb.net.findings import Finding as Finding
from trippy_nb.net.findings import judge as judge
from trippy_nb.net.live import LiveNetwork as LiveNetwork
from trippy_nb.net.resolve import reverse_name as reverse_name
