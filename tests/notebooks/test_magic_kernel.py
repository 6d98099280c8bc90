"""Magics, completion and `tn.rounds` in a real kernel; what is open is counted from outside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebooks.kernels import ENDLESS, kernel_of_our_own, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("raw_socket")]

LIVE = f"'127.0.0.1', protocol='udp', unprivileged=True, {ENDLESS}"
MAGIC = "127.0.0.1 -p udp -u -C 0 --no-dns -i 20ms -g 10ms"
SIM = "target.example --sim first-steps -C 2"
LOOP = "async def loop():\n    async for one in rounds: turns.append(one.number)\n"


@pytest.fixture(scope="module")
def kernel():
    with kernel_of_our_own() as it:
        it.run("import asyncio")
        it.run("%load_ext trippy_nb")
        it.run("run = tn.trace('127.0.0.1', rounds=1, dns=False); run.probes", cell="warm")
        it.run("run = await tn.trace_async('127.0.0.1', rounds=1, dns=False)", cell="warm")
        yield it


@pytest.fixture
def before(kernel):
    """Sockets before a test; the same descriptors afterwards, or it has left something open."""
    kernel.run("tn.stop_all()")
    table = kernel.descriptors()
    yield kernel.sockets()
    kernel.run("tn.stop_all()")
    assert kernel.descriptors() == table


def matches(kernel, code: str) -> tuple[list[str], str]:
    """What a complete_request at the end of the code offers, and what of it is there already."""
    reply: Any = kernel.client.complete(code, reply=True, timeout=60)
    found = reply["content"]
    return found["matches"], code[found["cursor_start"] : found["cursor_end"]]


def latest(kernel) -> list[str]:
    """State of the latest session, and who asked it to end."""
    said: str = kernel.run("row = tn.sessions().iloc[-1]; print(row['state'], row['stopped_by'], sep='; ')")
    return said.strip().split("; ")


def test_a_line_of_magic_shows_the_card_of_its_run(kernel):
    html = kernel.run(f"%trace {SIM} --into run")
    assert "<table" in html
    assert "target.example" in html
    assert kernel.run("print(type(run).__name__, run.probes['round'].max())").split() == ["Run", "1"]


def test_a_cell_of_magic_is_a_set_and_braces_are_variables(kernel):
    kernel.run("scenario = 'first-steps'")
    said = kernel.run("%%trace --sim {scenario} -C 1 --into runs\ntarget.example\n# again\ntarget.example\n")
    assert "2 runs" in said
    assert kernel.run("print(type(runs).__name__, len(runs))").split() == ["RunSet", "2"]


def test_an_error_is_one_line(kernel):
    said = kernel.run("%trace target.example --mode json")
    assert said.startswith("UsageError: --mode is not for notebooks")
    assert len(said.strip().splitlines()) == 1


def test_a_question_mark_shows_the_help_page(kernel):
    reply: Any = kernel.client.execute("%trace?", reply=True, timeout=60)
    page = reply["content"]["payload"][0]["data"]["text/plain"]
    assert "--protocol" in page
    assert "%%trace" in page


@pytest.mark.parametrize(
    ("code", "offered", "there"),
    [
        ("%trace --prot", ["--protocol"], "--prot"),
        ("%trace x -p ", ["icmp", "udp", "tcp"], ""),
        ("x = 1\nrun = %trace x --multipath-strategy p", ["paris"], "p"),
        ("%trace x --sim first-s", ["first-steps"], "first-s"),
        ("%trace x --sim=first-s", ["first-steps"], "first-s"),
        ("%trace 127.0.", ["127.0.0.1"], "127.0."),
        ("%%trace -C 1\n127.0.", ["127.0.0.1"], "127.0."),
    ],
)
def test_a_front_end_completes_options_values_and_targets(kernel, code, offered, there):
    assert matches(kernel, code) == (offered, there)


def test_unloading_takes_the_completion_away(kernel):
    kernel.run("%unload_ext trippy_nb")
    assert "--protocol" not in matches(kernel, "%trace --prot")[0]
    kernel.run("%load_ext trippy_nb")
    assert matches(kernel, "%trace --prot")[0] == ["--protocol"]


def test_an_interrupt_of_a_line_of_magic_binds_the_partial_run(kernel, before):
    message = kernel.send(f"%trace {MAGIC} --into partial")
    kernel.wait_for_sockets(before)
    said, _ = kernel.interrupt_until_over(message)
    assert "Traceback" not in said
    assert kernel.sockets() == before
    assert kernel.run("print(type(partial).__name__, partial.runs['end_reason'].iloc[0])").split() == [
        "Run",
        "interrupted",
    ]


def test_handles_shows_what_a_task_holds(kernel, before):
    kernel.run(f"task = asyncio.create_task(tn.trace_async({LIVE}))", cell="A")
    kernel.wait_for_sockets(before)
    assert "open:" in kernel.run("%handles")
    kernel.run("tn.stop_all()")
    assert "Nothing is open." in kernel.run("%handles")


@pytest.mark.parametrize(
    "way",
    [
        "for one in tn.rounds({live}): break",
        "for one in tn.rounds({live}): 1 / 0",
        "rounds = tn.rounds({live})\nfor one in rounds:\n    if one.number == 2: break",
        "turns = iter(tn.rounds({live})); next(turns); del turns",
        "async for one in tn.rounds({live}): break",
        "async for one in tn.rounds({live}): 1 / 0",
    ],
    ids=["break", "exception", "named", "deleted", "async break", "async exception"],
)
def test_leaving_a_loop_over_rounds_closes_everything(kernel, before, way):
    said = kernel.run(way.format(live=LIVE) + "\n", cell="L")
    assert ("ZeroDivisionError" in said) == ("1 / 0" in way)
    assert kernel.sockets() == before
    assert latest(kernel) == ["ended", "its loop was left"]


MARKED = """
import sys
ended = sys.modules["trippy_nb.api.rounds"]._Ended
take = ended.take
def marked(self):
    yield from take(self)
    if self._next:
        open({path!r}, "w").close()
ended.take = marked
"""
"""From here on it waits for the second round, a second away."""


@pytest.mark.parametrize("how", ["", "async "])
def test_an_interrupt_while_a_loop_waits_ends_it_and_the_cell_goes_on(kernel, before, how, tmp_path):
    there = tmp_path / "a-turn-is-over"
    kernel.run(MARKED.format(path=str(there)))
    message = kernel.send(
        f"rounds = tn.rounds('127.0.0.1', protocol='udp', unprivileged=True, dns=False, rounds=None)\n"
        f"{how}for one in rounds: pass\n"
        "print('after', rounds.run.runs['end_reason'].iloc[0], len(rounds.run.probes) > 0)"
    )
    assert wait_until(there.exists), "no round ended"
    said, _ = kernel.interrupt_until_over(message)
    kernel.run("ended.take = take")
    assert "after interrupted True" in said, said
    assert kernel.sockets() == before


def test_an_interrupt_in_the_body_is_the_bodys_own(kernel, before, tmp_path):
    there = tmp_path / "in-the-body"
    message = kernel.send(
        f"import threading\nfor one in tn.rounds({LIVE}):\n"
        f"    open({str(there)!r}, 'w').close(); threading.Event().wait(30)"
    )
    assert wait_until(there.exists)
    said, _ = kernel.interrupt_until_over(message)
    assert "KeyboardInterrupt" in said
    assert kernel.sockets() == before
    assert latest(kernel) == ["ended", "its loop was left"]


def test_a_cell_that_is_run_again_ends_the_loop_of_its_task(kernel, before):
    kernel.run(f"turns, rounds = [], tn.rounds({LIVE})\n{LOOP}task = asyncio.create_task(loop())", cell="R")
    kernel.wait_for_sockets(before)
    kernel.run("1 + 1", cell="other")
    assert kernel.sockets() > before
    kernel.run("tn = tn", cell="R")
    assert kernel.sockets() == before
    said = kernel.run("await asyncio.wait_for(task, 5); print(rounds.run.runs['end_reason'].iloc[0])")
    assert said.strip() == "interrupted"
    assert latest(kernel) == ["ended", "its cell is run again"]


def test_an_iterator_that_another_cell_holds_ends_when_its_own_cell_is_run_again(kernel, before):
    kernel.run(f"turns = iter(tn.rounds({LIVE})); next(turns).number", cell="I")
    kernel.wait_for_sockets(before)
    kernel.run("pass", cell="I")
    assert kernel.sockets() == before
    assert (
        kernel.run("print(len(list(turns)) >= 0)").strip() == "True"
    )  # what had ended is given; then no more


def test_an_awaited_trace_shows_a_progress_line(kernel, before):
    said = kernel.run("run = await tn.trace_async('127.0.0.1', rounds=2, dns=False, max_ttl=1)")
    assert "<progress" in said
    assert "<progress" not in kernel.run(
        "run = await tn.trace_async('127.0.0.1', rounds=2, dns=False, max_ttl=1, progress=False)"
    )
