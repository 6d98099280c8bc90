"""Whatever the bytes: only `BadPacketError`, and soon. A few thousand inputs always, a million in CI."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz import driver, seeds, target
from trippy_nb import wire
from trippy_nb.errors import BadPacketError

IN_CI = os.environ.get("TRIPPY_NB_PROFILE") == "ci"
RUNS = 1_000_000 if IN_CI else 20_000
PROCESSES = 2 if IN_CI else 1
LONGEST_S = 1.0  # an input takes some 20 us; a second is a loop that depends on what the bytes say
SEED = 20_260_311


@pytest.fixture(autouse=True)
def no_endless_loop():
    """A decoder that never ends is a red test, not a suite that hangs (libFuzzer has its own `-timeout`)."""

    def end(*_args: object) -> None:
        raise TimeoutError("a decoder did not come back")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_the_corpus_is_what_the_encoders_make():
    assert sorted(driver.corpus()) == sorted(set(seeds.seeds()))


def test_the_corpus_reaches_every_reader():
    assert {octets[0] for octets in driver.corpus()} == set(range(len(target.READERS)))


@pytest.mark.parametrize("octets", driver.corpus(), ids=lambda octets: target.READERS[octets[0]].__name__)
def test_no_seed_and_no_prefix_of_one_escapes(octets):
    if octets[0] == target.READERS.index(target.scenario):
        target.one_input(octets)
        return
    for size in range(len(octets) + 1):
        target.one_input(octets[:size])


def test_the_target_notices_what_should_not_be(monkeypatch):
    """A fuzzer that cannot fail proves nothing: a decoder that raises, or credits a lie, is found."""

    def broken(*_args: object, **_options: object) -> object:
        raise IndexError

    def refusing(*_args: object, **_options: object) -> object:
        raise BadPacketError("as it should")

    some = [octets for octets in driver.corpus() if octets[0] == 0][:3]
    monkeypatch.setattr(wire, "decode_reply", refusing)
    for octets in some:
        target.one_input(octets)
    monkeypatch.setattr(wire, "decode_reply", broken)
    for octets in some:
        with pytest.raises(IndexError):
            target.one_input(octets)


@pytest.mark.slow
def test_mutated_seeds_are_read_or_refused_soon(capsys):
    """The driver for every Python: no coverage to guide it, and the same property."""
    count = 60_000 if IN_CI else 8_000
    slowest, began = 0.0, time.perf_counter()
    for octets in driver.inputs(count, SEED):
        before = time.perf_counter()
        try:
            target.one_input(octets)
        except Exception as error:
            raise AssertionError(f"found by the plain driver: {octets.hex()}") from error
        slowest = max(slowest, time.perf_counter() - before)
    took_s = time.perf_counter() - began
    with capsys.disabled():
        print(  # noqa: T201 - the count and the rate are what CI is asked for
            f"\nfuzz: {count:,} inputs, {count / took_s:,.0f} a second, slowest {slowest * 1e3:.1f} ms ",
            end="",
        )
    assert slowest < LONGEST_S


@pytest.mark.slow
@pytest.mark.needs("atheris")
def test_a_million_inputs_guided_by_coverage_in_ci_and_a_share_elsewhere(tmp_path, capsys):
    """Each process has its own seed and its own findings; libFuzzer ends at the first fault or slow input."""
    began = time.perf_counter()
    fuzzers = []
    for number in range(PROCESSES):
        found = tmp_path / f"found{number}"
        found.mkdir()
        command = [
            sys.executable,
            str(Path(__file__).with_name("run_atheris.py")),
            f"-runs={RUNS // PROCESSES}",
            f"-seed={SEED + number}",
            "-max_len=700",
            "-timeout=5",
            "-rss_limit_mb=1024",
            f"-artifact_prefix={found}/",
            str(found),
            str(driver.CORPUS),
        ]
        log = (tmp_path / f"log{number}").open("w+")
        fuzzers.append((subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path), log))
    total, coverage = 0, list[int]()
    for fuzzer, log in fuzzers:
        status = fuzzer.wait(timeout=600)
        log.seek(0)
        said = log.read()
        log.close()
        assert status == 0, said[-3000:]
        done = re.search(r"Done (\d+) runs", said)
        assert done is not None, said[-3000:]
        total += int(done[1])
        coverage.append(max(int(edges) for edges in re.findall(r"cov: (\d+)", said)))
    took_s = time.perf_counter() - began
    with capsys.disabled():
        rate = total / took_s
        print(  # noqa: T201 - the count and the rate are what CI is asked for
            f"\nfuzz: {total:,} guided inputs in {took_s:.0f} s, {rate:,.0f} a second ", end=""
        )
    assert total >= RUNS
    assert all(covered > 500 for covered in coverage), "atheris saw nothing of the decoders"
