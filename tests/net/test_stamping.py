"""Received packets are stamped from the first one on, though the kernel takes its time to begin with it."""

from __future__ import annotations

import json
import sys

import pytest

from tests.net.kernel_net import run

PROGRAM = """
import json, sys
import trippy_nb as tn

found = []
for options in json.loads(sys.argv[1]) * 7:
    done = tn.trace("127.0.0.1", rounds=1, ttls=[1], progress=False, dns=False, **options)
    found += done.probes["rtt_source"].astype(str).tolist()
print(json.dumps(found))
"""


@pytest.mark.raw_socket
@pytest.mark.slow
def test_the_first_answer_of_each_trace_is_stamped_by_the_kernel():
    """Where nobody else wants stamps, the last socket to close ends them, so each trace begins anew."""
    channels = [{"protocol": "icmp"}, {"protocol": "udp"}, {"protocol": "udp", "mode": "error-queue"}]
    found = json.loads(run(sys.executable, "-c", PROGRAM, json.dumps(channels)))
    assert found == ["kernel"] * 21
