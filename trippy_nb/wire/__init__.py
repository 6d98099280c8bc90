"""The codec: bytes to values and back. No I/O, no clock, standard library only.

`decode_*` takes untrusted bytes and raises `BadPacketError` and nothing else; `encode_*` takes our
own values and raises `ValueError` where they do not fit.
"""

from trippy_nb.wire.answers import encode_echo_reply as encode_echo_reply
from trippy_nb.wire.answers import encode_icmp_error as encode_icmp_error
from trippy_nb.wire.answers import encode_tcp_reply as encode_tcp_reply
from trippy_nb.wire.checksum import internet_checksum as internet_checksum
from trippy_nb.wire.checksum import pseudo_header as pseudo_header
from trippy_nb.wire.checksum import solve as solve
from trippy_nb.wire.checksum import update_checksum as update_checksum
from trippy_nb.wire.checksum import verify_checksum as verify_checksum
from trippy_nb.wire.extensions import ExtensionObject as ExtensionObject
from trippy_nb.wire.extensions import Extensions as Extensions
from trippy_nb.wire.extensions import InterfaceInfo as InterfaceInfo
from trippy_nb.wire.extensions import InterfaceRole as InterfaceRole
from trippy_nb.wire.extensions import MplsEntry as MplsEntry
from trippy_nb.wire.extensions import decode_extensions as decode_extensions
from trippy_nb.wire.extensions import encode_extensions as encode_extensions
from trippy_nb.wire.extensions import interface_object as interface_object
from trippy_nb.wire.extensions import is_extension_structure as is_extension_structure
from trippy_nb.wire.extensions import mpls_object as mpls_object
from trippy_nb.wire.extensions import mpls_text as mpls_text
from trippy_nb.wire.icmp import ICMP_TYPES as ICMP_TYPES
from trippy_nb.wire.icmp import IcmpMessage as IcmpMessage
from trippy_nb.wire.icmp import IcmpTypes as IcmpTypes
from trippy_nb.wire.icmp import decode_icmp as decode_icmp
from trippy_nb.wire.icmp import encode_echo as encode_echo
from trippy_nb.wire.icmp import encode_error as encode_error
from trippy_nb.wire.icmp import encode_icmp as encode_icmp
from trippy_nb.wire.ip import decode_ip as decode_ip
from trippy_nb.wire.ip import encode_ip as encode_ip
from trippy_nb.wire.ip import with_ttl as with_ttl
from trippy_nb.wire.packet import ICMP as ICMP
from trippy_nb.wire.packet import ICMPV6 as ICMPV6
from trippy_nb.wire.packet import TCP as TCP
from trippy_nb.wire.packet import UDP as UDP
from trippy_nb.wire.packet import IpPacket as IpPacket
from trippy_nb.wire.packet import address_text as address_text
from trippy_nb.wire.packet import pack_address as pack_address
from trippy_nb.wire.probes import DUBLIN_MAGIC as DUBLIN_MAGIC
from trippy_nb.wire.probes import encode_message as encode_message
from trippy_nb.wire.probes import encode_probe as encode_probe
from trippy_nb.wire.probes import payload_number as payload_number
from trippy_nb.wire.probes import probe_secret as probe_secret
from trippy_nb.wire.probes import secret_offset as secret_offset
from trippy_nb.wire.probes import tcp_sequence as tcp_sequence
from trippy_nb.wire.quotes import decode_quote as decode_quote
from trippy_nb.wire.replies import decode_reply as decode_reply
from trippy_nb.wire.replies import decode_reply_v4 as decode_reply_v4
from trippy_nb.wire.replies import decode_reply_v6 as decode_reply_v6
from trippy_nb.wire.tcp import ACK as ACK
from trippy_nb.wire.tcp import FIN as FIN
from trippy_nb.wire.tcp import RST as RST
from trippy_nb.wire.tcp import SYN as SYN
from trippy_nb.wire.tcp import TcpSegment as TcpSegment
from trippy_nb.wire.tcp import decode_tcp as decode_tcp
from trippy_nb.wire.tcp import encode_tcp as encode_tcp
from trippy_nb.wire.tcp import mss_option as mss_option
from trippy_nb.wire.tcp import tcp_flags_text as tcp_flags_text
from trippy_nb.wire.udp import UdpSegment as UdpSegment
from trippy_nb.wire.udp import decode_udp as decode_udp
from trippy_nb.wire.udp import encode_udp as encode_udp
