"""Names come behind the scenes, once each, and never hold anything up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from trippy_nb.enrich import NameBook
from trippy_nb.model import ClockSampled, seconds_to_ns

PATIENCE_S = 10.0  # only ever reached when something is broken


class SetClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def wall_ns(self) -> int:
        return self.ns

    def sample(self) -> ClockSampled:
        return ClockSampled(self.ns, 0, 0)


class Registry:
    """A name server that counts, fails where told to, and can be held up."""

    def __init__(self, names: dict[str, str | None]) -> None:
        self.names = names
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self, addr: str) -> str | None:
        self.reached.set()
        assert self.open.wait(PATIENCE_S)
        self.asked.append(addr)
        return self.names[addr]


def no_worker_left() -> bool:
    for thread in threading.enumerate():
        if thread.name == "trippy_nb names":
            thread.join(PATIENCE_S)
            return not thread.is_alive()
    return True


def test_a_name_is_known_after_waiting():
    book = NameBook(Registry({"192.0.2.1": "a.example"}))
    assert book.peek("192.0.2.1") is None
    book.want(["192.0.2.1"])
    assert book.wait(PATIENCE_S)
    assert book.peek("192.0.2.1") == "a.example"


def test_each_address_is_asked_for_once_however_often_it_is_wanted():
    registry = Registry({"192.0.2.1": "a.example", "192.0.2.2": None})
    registry.open.clear()
    book = NameBook(registry)
    for _ in range(5):
        book.want(["192.0.2.1", "192.0.2.2", "192.0.2.1"])
    registry.open.set()
    assert book.wait(PATIENCE_S)
    book.want(["192.0.2.2"])
    assert book.wait(PATIENCE_S)
    assert sorted(registry.asked) == ["192.0.2.1", "192.0.2.2"]


def test_nothing_waits_while_a_look_up_hangs():
    registry = Registry({"192.0.2.1": "a.example", "192.0.2.2": "b.example"})
    registry.open.clear()
    book = NameBook(registry)
    book.want(["192.0.2.1"])
    assert registry.reached.wait(PATIENCE_S)
    book.want(["192.0.2.2"])
    assert book.peek("192.0.2.1") is None
    assert not book.wait(0)
    registry.open.set()
    assert book.wait(PATIENCE_S)
    assert [book.peek(addr) for addr in ("192.0.2.1", "192.0.2.2")] == ["a.example", "b.example"]


def test_an_old_entry_is_looked_up_again_and_stays_readable_meanwhile():
    registry, clock = Registry({"192.0.2.1": "old.example"}), SetClock()
    book = NameBook(registry, ttl_s=300, clock=clock)
    book.want(["192.0.2.1"])
    assert book.wait(PATIENCE_S)
    registry.names["192.0.2.1"] = "new.example"
    clock.ns = seconds_to_ns(300) - 1
    book.want(["192.0.2.1"])
    assert book.wait(PATIENCE_S)
    assert registry.asked == ["192.0.2.1"]
    clock.ns += 1
    registry.open.clear()
    book.want(["192.0.2.1"])
    assert book.peek("192.0.2.1") == "old.example"
    registry.open.set()
    assert book.wait(PATIENCE_S)
    assert book.peek("192.0.2.1") == "new.example"


def test_without_dns_nobody_is_asked_and_no_thread_starts():
    registry = Registry({})
    book = NameBook(registry, dns=False)
    book.want(["192.0.2.1"])
    assert book.wait(0)
    assert book.peek("192.0.2.1") is None
    assert registry.asked == []


@pytest.mark.parametrize("error", [OSError("no server"), UnicodeError("bad label"), KeyError("x")])
def test_a_look_up_that_fails_is_no_name_and_the_others_still_come(error: Exception):
    def lookup(addr: str) -> str | None:
        if addr == "192.0.2.1":
            raise error
        return "b.example"

    book = NameBook(lookup)
    book.want(["192.0.2.1", "192.0.2.2"])
    assert book.wait(PATIENCE_S)
    assert [book.peek(addr) for addr in ("192.0.2.1", "192.0.2.2")] == [None, "b.example"]


def test_the_book_is_bounded_and_forgets_what_was_learnt_longest_ago():
    book = NameBook(lambda addr: f"{addr}.example", max_names=3)
    book.want(["a", "b", "c", "d"])
    assert book.wait(PATIENCE_S)
    assert len(book) == 3
    assert [book.peek(addr) for addr in "abcd"] == [None, "b.example", "c.example", "d.example"]


def test_the_thread_ends_when_there_is_nothing_left_and_another_starts_when_there_is():
    book = NameBook(lambda addr: addr)
    for addr in ("a", "b"):
        book.want([addr])
        assert book.wait(PATIENCE_S)
        assert no_worker_left()
    assert book.peek("b") == "b"


def test_many_threads_may_want_at_once():
    registry = Registry({str(i): f"{i}.example" for i in range(50)})
    book = NameBook(registry)
    ask: Callable[[], None] = lambda: book.want(map(str, range(50)))  # noqa: E731 - typed, and used once
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert book.wait(PATIENCE_S)
    assert sorted(registry.asked) == sorted(map(str, range(50)))


def test_a_program_ends_at_once_though_a_look_up_hangs():
    program = (
        "import threading\n"
        "from trippy_nb.enrich import NameBook\n"
        "hang = threading.Event()\n"
        "begun = threading.Event()\n"
        "book = NameBook(lambda addr: (begun.set(), hang.wait())[0])\n"
        "book.want(['192.0.2.1'])\n"
        "assert begun.wait(10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=20, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
