"""How long hop statistics, paths, changes and links of ten million probes take, and how much memory.

Run: python benchmarks/bench_hops.py [probes] [--folder DIR] [--repeats N]

Writes ten Parquet files (once; 10 million rows are 45 MB), then reads and analyses them one after another,
each engine in a process of its own and on one thread; reading is part of the time. Memory is the peak of the
process above what it had after its imports and a small run for practice. `hops` is what the three engines can
all say in a few lines: sent, recv, mean, standard deviation, two percentiles and the mean jitter of each
(run, TTL); `hops-all` is the whole hop table, and `changes` are events with their kinds, which only we have:
the sketch behind the budgets counted, within that of `paths`, how often an address at a place was another
than the last one there. Results are compared number by number. An
engine that is missing is left out, and named: pip install polars duckdb.

`bare` is the least that numpy can do: packed 64-bit keys and a sort of them, over the fewest columns, with no
question asked about where a path ended. The budgets are what a sketch of it once took; a machine that takes
longer for it takes longer for all. The engines take turns, so that a busy minute is not one engine's alone.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from trippy_nb import analysis
from trippy_nb.frames import PROBES, RUNS, TABLES, Tables, concat, empty_frame
from trippy_nb.frames import columns as col

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BUDGETS_S = {"hops": 1.3, "paths": 1.2, "links": 2.0}
BUDGET_GB = 0.35
ROWS_A_FILE = 1_000_000
CORE, SILENT, LIMITED, LOST = 4_000, 0.08, 0.05, 0.005
PATH_COLUMNS = ("run_id", "round", "flow", "ttl", "attempt", "status", "addr")
SHARED = ("sent", "recv", "avg_ms", "stddev_ms", "p50_ms", "p95_ms", "javg_ms")
"""What `hops` is."""
ENGINES = ("ours", "ours, one table", "bare", "polars", "duckdb")


# --- data ---------------------------------------------------------------------------------------------------


def write_files(folder: Path, probes: int) -> None:
    """Whole runs, about a million rows a file: as many rounds and hops as traceroutes in the wild have."""
    folder.mkdir(parents=True, exist_ok=True)
    luck = np.random.default_rng(1)
    silent, limited = luck.random(2 * CORE) < SILENT, luck.random(2 * CORE) < LIMITED
    parts, size, written, run = [], 0, 0, 0
    while written < probes:
        part = one_run(run, luck, silent, limited)
        parts.append(part)
        run, size, written = run + 1, size + len(part["ttl"]), written + len(part["ttl"])
        if size >= ROWS_A_FILE or written >= probes:
            write_file(folder / f"part-{run:06d}.parquet", parts)
            parts, size = [], 0


def one_run(run: int, luck, silent, limited) -> dict:
    """Rounds of one target: a path with balancers, which changes in the middle now and then."""
    rounds = int(np.clip(luck.lognormal(4.2, 0.8), 8, 2000))
    hops = int(np.clip(luck.normal(14, 3), 5, 28))
    changes = np.sort(luck.integers(1, rounds, luck.poisson(rounds / 150)))
    routes = np.tile(distinct_routers(luck, hops), (len(changes) + 1, 1))
    delays = np.tile(luck.gamma(1.2, 2.5, hops)[None, :], (len(changes) + 1, 1))
    for number in range(1, len(routes)):
        first = int(luck.integers(2, max(3, hops - 2)))
        last = min(hops - 1, first + int(luck.integers(1, 5)))
        others = np.setdiff1d(distinct_routers(luck, 2 * hops), routes[number])
        routes[number:, first:last] = luck.permutation(others)[: last - first]
        delays[number:, first:last] = luck.gamma(1.2, 2.5, last - first)
    width = np.where(luck.random(hops) < 0.18, luck.integers(2, 5, hops), 1)
    width[[0, -2, -1]] = 1
    routes[:, -1] = CORE + run % CORE
    n = rounds * hops
    round_, place = np.divmod(np.arange(n), hops)
    flow = round_ % 16 if luck.random() < 0.3 else np.zeros(n, np.int64)
    route = np.searchsorted(changes, round_, side="right")
    member = ((flow * 2654435761 + place * 40503 + run) >> 7) % width[place]
    addr = (routes[route, place] + member * 977) % np.where(place == hops - 1, 2 * CORE, CORE)
    rtt = np.cumsum(delays, axis=1)[route, place] + luck.gamma(0.6, 0.5, n)
    rtt += np.where(luck.random(n) < 0.004, luck.gamma(2, 40, n), 0)
    mute = (silent[addr] | (limited[addr] & (luck.random(n) < 0.3))) & (place < hops - 1)
    lost = mute | (luck.random(n) < LOST)
    return {
        "run_id": np.full(n, run, np.uint32),
        "round": round_.astype(np.uint32),
        "flow": flow.astype(np.uint16),
        "ttl": (place + 1).astype(np.uint8),
        "seq": (np.arange(n) % 65536).astype(np.uint16),
        "addr": np.where(lost, -1, addr),
        "rtt_ns": np.rint(rtt * 1e6).astype(np.int64),
        "target": CORE + run % CORE,
    }


def distinct_routers(luck: np.random.Generator, count: int) -> np.ndarray:
    """Few routers see most of the traffic; none comes twice on a path."""
    found = np.unique(luck.zipf(1.1, 8 * count) % CORE)
    return luck.permutation(found)[:count]


def names_of(numbers: np.ndarray) -> list[str]:
    return [name_of(number) for number in numbers.tolist()]


def name_of(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" if number % 7 else f"2001:db8::{number:x}"


def write_file(path: Path, parts: list[dict]) -> None:
    names = [name for name in parts[0] if name != "target"]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    n = len(columns["ttl"])
    lost = columns["addr"] < 0
    used, code = np.unique(columns["addr"][~lost], return_inverse=True)
    index = np.zeros(n, np.int32)
    index[~lost] = code
    words = pa.array(["reply", "timeout"])
    table = pa.table({
        **{name: columns[name] for name in ("run_id", "round", "flow", "ttl", "seq")},
        "attempt": np.zeros(n, np.uint8),
        "sport": np.full(n, 33434, np.uint16),
        "dport": np.full(n, 33435, np.uint16),
        "status": pa.DictionaryArray.from_arrays(pa.array(lost.astype(np.int32)), words),
        "addr": pa.DictionaryArray.from_arrays(pa.array(index, mask=lost), pa.array(names_of(used))),
        "rtt_ns": pa.array(columns["rtt_ns"], mask=lost),
        "icmp_type": pa.array(np.full(n, 11, np.uint8), mask=lost),
        "icmp_code": pa.array(np.zeros(n, np.uint8), mask=lost),
    })  # fmt: skip
    targets = {str(int(part["run_id"][0])): name_of(part["target"]) for part in parts}
    table = table.replace_schema_metadata({"targets": json.dumps(targets)})
    pq.write_table(
        table, path, compression="zstd", row_group_size=1 << 20,
        use_dictionary=sorted({*table.column_names} - {"rtt_ns", "round", "run_id", "seq"}),
        column_encoding={"rtt_ns": "DELTA_BINARY_PACKED", "round": "DELTA_BINARY_PACKED"},
    )  # fmt: skip


# --- ours ---------------------------------------------------------------------------------------------------


def read_files(paths: list[Path], columns: tuple[str, ...]) -> Tables:
    """Read the columns that an analysis looks at as PROBES, and the targets as RUNS."""
    names = ["rtt_ns" if name == "rtt_ms" else name for name in columns]
    table = pa.concat_tables([read_columns(path, names) for path in paths])
    if len(paths) > 1:
        table = table.unify_dictionaries()
    arrays = (table.column(name).combine_chunks() for name in names)
    probes = {name: frame_array(name, array) for name, array in zip(columns, arrays, strict=True)}
    targets: dict[str, str] = {}
    for path in paths:
        targets |= json.loads(pq.read_schema(path).metadata[b"targets"])
    runs = {
        "run_id": np.array([int(run) for run in targets], np.uint32),
        "dst_addr": pd.array(list(targets.values()), dtype="str"),
        "af": pd.array([4] * len(targets), dtype="UInt8"),
        "flow_stable": np.ones(len(targets), bool),
    }
    return Tables(probes=pd.DataFrame(probes, copy=False), runs=pd.DataFrame(runs), **NO_ROWS)


def read_columns(path: Path, names: list[str]) -> pa.Table:
    """Read a file in one piece; `pq.read_table` would cut it in eight."""
    with pq.ParquetFile(path, read_dictionary=["status", "addr"], pre_buffer=False) as file:
        return file.read(columns=names, use_threads=False)


def frame_array(name: str, array: pa.Array) -> object:
    """One column as PROBES has it."""
    if isinstance(array, pa.DictionaryArray):
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        texts = array.dictionary.to_pylist()
        if name == "status":
            words = PROBES.column("status").words
            return col.codes(np.array([*map(words.index, texts), -1], np.int8).take(codes), words)
        return col.codes(codes, texts)
    if name == "rtt_ms":
        return array.to_numpy(zero_copy_only=False) / 1e6  # NaN for nulls
    values = array.fill_null(0).to_numpy() if array.null_count else array.to_numpy()
    if not PROBES.column(name).dtype.startswith("U"):
        return values
    return pd.arrays.IntegerArray(values, array.is_null().to_numpy(zero_copy_only=False))


def our_hops(tables: Tables) -> pd.DataFrame:
    return analysis.hop_stats(tables, columns=SHARED)


def our_changes(tables: Tables) -> pd.DataFrame:
    """Fill in what changes want to know besides: a round every 30 s, and of runs what nobody knows."""
    runs, probes = tables.runs, tables.probes
    rest = {one.name: col.blank(one, len(runs)) for one in RUNS.columns if one.name not in runs}
    sent = col.moments((probes["round"].to_numpy(np.int64) + 1) * 30_000_000_000)
    probes, runs = probes.assign(sent_at=sent), runs.assign(**rest)
    return analysis.path_changes(Tables(probes=probes, runs=runs, **NO_ROWS))


OURS: dict[str, tuple[Callable[[Tables], pd.DataFrame], tuple[str, ...]]] = {
    "hops": (our_hops, (*PATH_COLUMNS, "rtt_ms")),
    "hops-all": (
        analysis.hop_stats,
        (*PATH_COLUMNS, "rtt_ms", "seq", "sport", "dport", "icmp_type", "icmp_code"),
    ),
    "paths": (analysis.paths, (*PATH_COLUMNS, "rtt_ms")),
    "changes": (our_changes, (*PATH_COLUMNS, "rtt_ms")),
    "links": (analysis.links, (*PATH_COLUMNS, "rtt_ms")),
}
"""What is computed, and of which columns."""


def ours(task: str, files: list[Path]) -> pd.DataFrame:
    function, columns = OURS[task]
    return concat([function(read_files([path], columns)) for path in files])


def ours_whole(task: str, files: list[Path]) -> pd.DataFrame:
    function, columns = OURS[task]
    return function(read_files(files, columns))


NO_ROWS = {name: empty_frame(TABLES[name]) for name in ("replies", "flows", "packets", "handles")}


# --- theirs -------------------------------------------------------------------------------------------------


def by_polars(task: str, files: list[Path]) -> pd.DataFrame:
    import polars as pl

    rows = pl.scan_parquet(files)
    if task == "hops":
        rtt = pl.col("rtt_ns")
        query = rows.group_by("run_id", "ttl").agg(
            sent=pl.len(),
            recv=rtt.count(),
            avg_ms=rtt.mean() / 1e6,
            stddev_ms=rtt.std() / 1e6,
            p50_ms=rtt.quantile(0.5, "linear") / 1e6,
            p95_ms=rtt.quantile(0.95, "linear") / 1e6,
            javg_ms=rtt.drop_nulls().diff().abs().mean() / 1e6,
        )
    elif task == "paths":
        path = rows.group_by("run_id", "round", "flow").agg(places=pl.col("addr").cast(pl.String))
        query = path.group_by("run_id").agg(n=pl.len(), distinct=pl.col("places").n_unique())
    else:
        here = ("run_id", "round", "flow")
        after = {f"{name}_2": pl.col(name).shift(-1) for name in (*here, "ttl", "addr")}
        same = [pl.col(name) == pl.col(f"{name}_2") for name in here]
        pairs = rows.with_columns(**after).filter(
            *same,
            pl.col("ttl") + 1 == pl.col("ttl_2"),
            pl.col("addr").is_not_null(),
            pl.col("addr_2").is_not_null(),
        )
        query = pairs.group_by("run_id", "flow", "ttl", "addr", "addr_2").agg(rounds=pl.len())
    frame = query.collect(engine="streaming")
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def by_duckdb(task: str, files: list[Path]) -> pd.DataFrame:
    import duckdb

    source = f"read_parquet({[str(path) for path in files]})"
    queries = {
        "hops": f"""
            with answers as (
                select run_id, ttl, abs(rtt_ns - lag(rtt_ns) over w) as step from {source}
                where rtt_ns is not null window w as (partition by run_id, ttl order by round)),
            steps as (select run_id, ttl, avg(step) / 1e6 as javg_ms from answers group by all)
            select r.run_id, r.ttl, count(*) as sent, count(rtt_ns) as recv, avg(rtt_ns) / 1e6 as avg_ms,
                   stddev_samp(rtt_ns) / 1e6 as stddev_ms, quantile_cont(rtt_ns, 0.5) / 1e6 as p50_ms,
                   quantile_cont(rtt_ns, 0.95) / 1e6 as p95_ms, any_value(javg_ms) as javg_ms
            from {source} r left join steps s on r.run_id = s.run_id and r.ttl = s.ttl
            group by r.run_id, r.ttl""",
        "paths": f"""
            with path as (
                select run_id, round, flow, list(addr order by ttl) as places from {source}
                group by run_id, round, flow)
            select run_id, count(*) as n, count(distinct places) as "distinct" from path group by run_id""",
        "links": f"""
            with pair as (
                select run_id, flow, ttl, addr, lead(addr) over w as addr_2, lead(ttl) over w as ttl_2
                from {source} window w as (partition by run_id, round, flow order by ttl))
            select run_id, flow, ttl, addr, addr_2, count(*) as rounds from pair
            where addr is not null and addr_2 is not null and ttl_2 = ttl + 1 group by all""",
    }
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.sql(queries[task]).df()


# --- the least ----------------------------------------------------------------------------------------------


def bare(task: str, files: list[Path]) -> pd.DataFrame:
    function = {"hops": bare_hops, "paths": bare_paths, "links": bare_links}[task]
    return pd.concat([function(path) for path in files], ignore_index=True)


def bare_columns(path: Path, *names: str) -> list[np.ndarray]:
    table = pq.read_table(
        path, columns=list(names), read_dictionary=["addr"], use_threads=False, pre_buffer=False
    )
    arrays = [table.column(name).combine_chunks() for name in names]
    parts = [array.indices if isinstance(array, pa.DictionaryArray) else array for array in arrays]
    return [part.fill_null(-1).to_numpy() if part.null_count else part.to_numpy() for part in parts]


def of_this_file(run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the runs from 0, and say which they are; a file has its runs in order."""
    first = np.flatnonzero(np.r_[True, run[1:] != run[:-1]])
    return np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(run)])), run[first]


def bare_hops(path: Path) -> pd.DataFrame:
    run, ttl, rtt = bare_columns(path, "run_id", "ttl", "rtt_ns")
    local, runs = of_this_file(run)
    group = local * 256 + ttl
    sent = np.bincount(group)
    used = np.flatnonzero(sent)
    number = np.zeros(len(sent), np.int64)
    number[used] = np.arange(len(used))
    heard = rtt >= 0
    group, rtt = number[group[heard]], rtt[heard]
    recv = np.bincount(group, minlength=len(used))
    begin = np.r_[0, np.cumsum(recv)[:-1]]
    value = np.sort(group << 40 | rtt) & (1 << 40) - 1
    mean = np.bincount(group, rtt, len(used)) / recv
    spread = np.bincount(group, (rtt - mean[group]) ** 2, len(used))
    place = np.sort(group << 32 | np.arange(len(rtt))) & (1 << 32) - 1
    step, same = np.abs(np.diff(rtt[place])), np.diff(group[place]) == 0
    of = group[place][1:][same]
    jitter = np.bincount(of, step[same], len(used)) / np.bincount(of, minlength=len(used))

    def quantile(share: float) -> np.ndarray:
        at = np.maximum(recv - 1, 0) * share
        low = at.astype(np.int64)
        here, next_ = (
            np.minimum(begin + np.minimum(low + more, recv - 1), len(value) - 1) for more in (0, 1)
        )
        return np.where(recv > 0, value[here] + (value[next_] - value[here]) * (at - low), np.nan)

    deviation = np.sqrt(spread / np.where(recv > 1, recv - 1, np.nan))
    times = {"avg_ms": mean, "stddev_ms": deviation, "javg_ms": jitter}
    times |= {"p50_ms": quantile(0.5), "p95_ms": quantile(0.95)}
    counts = {"run_id": runs[used >> 8], "ttl": used & 255, "sent": sent[used], "recv": recv}
    return pd.DataFrame(counts | {name: ns / 1e6 for name, ns in times.items()})


def bare_paths(path: Path) -> pd.DataFrame:
    """Equal paths have equal sums of hashes of (TTL, address): collisions are not looked for."""
    run, round_, ttl, addr = bare_columns(path, "run_id", "round", "ttl", "addr")
    local, runs = of_this_file(run)
    heads = np.flatnonzero(np.r_[True, (run[1:] != run[:-1]) | (round_[1:] != round_[:-1])])
    factors = np.random.default_rng(0).integers(0, 2**64, 256, dtype=np.uint64)
    look = np.add.reduceat(factors[ttl] * (addr + 2).astype(np.uint64), heads)
    which = pd.factorize(look)[0].astype(np.int64)
    mine = local[heads]
    seen = np.unique(mine << 32 | which) >> 32
    counted = {"n": np.bincount(mine), "distinct": np.bincount(seen)}
    return pd.DataFrame({"run_id": runs} | counted)


def bare_links(path: Path) -> pd.DataFrame:
    run, round_, flow, ttl, addr = bare_columns(path, "run_id", "round", "flow", "ttl", "addr")
    near = np.flatnonzero(
        (run[1:] == run[:-1]) & (round_[1:] == round_[:-1]) & (ttl[1:] == ttl[:-1] + 1)
        & (addr[1:] >= 0) & (addr[:-1] >= 0)
    )  # fmt: skip
    local, runs = of_this_file(run)
    series = np.unique(local[near] << 16 | flow[near], return_inverse=True)
    names = int(addr.max()) + 1
    link = ((series[1] << 8 | ttl[near]) * names + addr[near]) * names + addr[near + 1]
    seen, rounds = np.unique(link, return_counts=True)
    of_run = runs[series[0][seen // names // names >> 8] >> 16]
    return pd.DataFrame({"run_id": of_run, "rounds": rounds})


RUNNERS = {
    "bare": bare,
    "ours": ours,
    "ours, one table": ours_whole,
    "polars": by_polars,
    "duckdb": by_duckdb,
}


# --- measuring ----------------------------------------------------------------------------------------------


def checked(task: str, frame: pd.DataFrame) -> pd.DataFrame:
    """What must be equal: statistics of each hop; paths of each run; sightings of each link."""
    if task.startswith("hops"):
        return (
            frame.sort_values(["run_id", "ttl"])[["run_id", "ttl", *SHARED]]
            .astype(float)
            .reset_index(drop=True)
        )
    if task == "paths":
        if "path_id" in frame:
            grouped = frame.groupby("run_id")["path_id"]
            frame = pd.DataFrame({"n": grouped.size(), "distinct": grouped.nunique()}).reset_index()
        return (
            frame.sort_values("run_id")[["run_id", "n", "distinct"]].astype(np.int64).reset_index(drop=True)
        )
    if task == "changes":
        return frame.groupby("run_id").size().rename("changes").reset_index().astype(np.int64)
    of_run = frame.groupby("run_id")["rounds"]
    return pd.DataFrame({"links": of_run.size(), "rounds": of_run.sum()}).astype(np.int64).reset_index()


def child(engine: str, task: str, files: list[Path], practice: Path, out: str) -> None:
    """Measure once, in this process."""
    run = RUNNERS[engine]
    run(task, [practice])
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    result = run(task, files)
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    checked(task, result).to_parquet(out)
    print(json.dumps({"s": wall_s, "cpu_s": cpu_s, "gb": (after.ru_maxrss - before.ru_maxrss) / 2**20}))


def measured(engine: str, task: str, folder: Path) -> tuple[dict[str, float], pd.DataFrame]:
    """Return what one process took, and what came out."""
    out = str(folder / "result.arrow")
    command = [sys.executable, __file__, "--child", engine, task, out, "--folder", str(folder)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]), pd.read_parquet(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probes", nargs="?", type=lambda text: int(float(text)), default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "trippy_nb-bench-hops")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=3, metavar=("ENGINE", "TASK", "OUT"))
    given = parser.parse_args()
    practice = given.folder / "practice"
    if given.child:
        engine, task, out = given.child
        child(engine, task, sorted(given.folder.glob("*.parquet")), next(practice.glob("*.parquet")), out)
        return
    if not any(given.folder.glob("*.parquet")):
        write_files(given.folder, given.probes)
        write_files(practice, 10_000)
    files = sorted(given.folder.glob("*.parquet"))
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    print(f"{rows:,} probes in {len(files)} files; one thread; the best of {given.repeats} processes")
    missing = [name for name in ("polars", "duckdb") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"LEFT OUT: {', '.join(missing)} (pip install {' '.join(missing)})")
    for task in OURS:
        report(task, [name for name in ENGINES if name not in missing], given)


def report(task: str, engines: list[str], given: argparse.Namespace) -> None:
    budget = f" (budget at 10 million: {BUDGETS_S[task]} s, {BUDGET_GB} GB)" if task in BUDGETS_S else ""
    print(f"\n{task}{budget}")
    engines = engines if task in BUDGETS_S else engines[:2]
    took: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    reference = None
    for turn in range(given.repeats):
        for engine in engines[turn % len(engines) :] + engines[: turn % len(engines)]:
            figures, result = measured(engine, task, given.folder)
            took[engine].append(figures)
            reference = result if reference is None else reference
            pd.testing.assert_frame_equal(result, reference, rtol=1e-9, atol=1e-9)
    best = {
        engine: {name: min(one[name] for one in all_) for name in all_[0]} for engine, all_ in took.items()
    }
    for engine, least in best.items():
        ratio = least["cpu_s"] / best[engines[0]]["cpu_s"]
        print(
            f"  {engine:>15}: {least['s']:6.2f} s, processor {least['cpu_s']:6.2f} s ({ratio:4.1f} x), "
            f"{least['gb']:5.2f} GB; equal"
        )


if __name__ == "__main__":
    main()
