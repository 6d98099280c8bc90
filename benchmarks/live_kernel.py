"""What `bench_live.py` runs in the kernel: a long trace that is there at once, and meters on the view."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import trippy_nb as tn
from trippy_nb.frames import Recorder
from trippy_nb.widgets import LiveView

LOOKS: list[tuple[float, float, bool]] = []
"""When each look began, processor time it took, and whether it made the picture anew (seconds)."""
SENT: list[tuple[Any, Any]] = []
"""Messages to the browser, and their buffers."""
BRAKED = [0.0]
"""Processor time that it took to let the built-in internet wait."""
FLOOR: list[float] = []
"""Processor time of messages that say nothing, of the size of a look."""


def slowed_after(rounds: int, answers: float) -> None:
    """Let the built-in internet answer at once until so many rounds are over, and then so often a second."""
    keep = Recorder._reply  # noqa: SLF001 - the one place where answers arrive one by one

    def kept(recorder: Recorder, event: Any) -> None:
        if recorder.rounds_ended >= rounds:
            began = time.thread_time()
            time.sleep(1 / answers)
            BRAKED[0] += time.thread_time() - began
        keep(recorder, event)

    Recorder._reply = kept  # noqa: SLF001 - as above


def metered() -> None:
    """Note when each look begins, what it costs and what it sends."""
    look = LiveView.look

    def noted(view: LiveView, traced: Any, *, picture: bool = False) -> None:
        number, at, began = len(SENT), time.time(), time.thread_time()
        look(view, traced, picture=picture)
        if len(SENT) != number:
            LOOKS.append((at, time.thread_time() - began, picture))

    LiveView.look = noted
    session = get_ipython().kernel.session  # type: ignore[name-defined]  # noqa: F821 - IPython's
    send = session.send

    def counted(stream: Any, msg_or_type: Any, *args: Any, **keys: Any) -> Any:
        sent = send(stream, msg_or_type, *args, **keys)
        if threading.current_thread().name == "trippy_nb live view":
            SENT.append((sent, keys.get("buffers") or ()))
        return sent

    session.send = counted


def started(rounds: int, answers: float) -> tn.api.Live:
    """Begin to watch a trace of thirty hops, with so many rounds behind it."""
    slowed_after(rounds, answers)
    metered()
    network = tn.sim.load("thirty-hops").paced(1e6)
    target = network.scenario.targets[0].name
    return tn.live(target, network=network, max_samples=rounds, dns=False)


def floor(live: tn.api.Live, seconds: float) -> None:
    """Send messages that say nothing as often as looks are sent: what nobody can do without."""
    content = {"type": "nothing", "words": "31,000 probes, 1,000 rounds; icmp, sim; no handle is open"}

    def send() -> None:
        for number in range(round(5 * seconds)):
            time.sleep(0.2)
            began = time.thread_time()
            live.widget.send(content | {"number": number, "span": [1.0, 2.0]}, [bytes(480)])
            FLOOR.append(time.thread_time() - began)

    threading.Thread(target=send, name="floor", daemon=True).start()


def cpu() -> dict[str, float]:
    """Processor time so far: of the process, and of its threads by name."""
    clocks = {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
    }
    return {"kernel": time.process_time()} | clocks


def report() -> str:
    """Tell what was noted, and begin anew."""
    session = get_ipython().kernel.session  # type: ignore[name-defined]  # noqa: F821 - IPython's
    n_bytes = sum(
        sum(map(len, session.serialize(message))) + sum(memoryview(part).nbytes for part in buffers)
        for message, buffers in SENT
    )
    said = json.dumps(
        {"looks": LOOKS, "sent": n_bytes, "cpu": cpu(), "at": time.time()}
        | {"braked": BRAKED[0], "floor": FLOOR}
    )
    FLOOR.clear()
    LOOKS.clear()
    SENT.clear()
    return said
