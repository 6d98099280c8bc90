"""A run for benchmarks of what is shown: gamma-distributed RTTs, three of a hundred probes unanswered."""

import numpy as np
import pandas as pd

import trippy_nb as tn


def made_run(hops: int, rounds: int) -> tn.Run:
    luck = np.random.default_rng(1)
    round_, ttl = (
        part.ravel() for part in np.meshgrid(np.arange(rounds), np.arange(1, hops + 1), indexing="ij")
    )
    rtt_ms = ttl * 1.5 + luck.gamma(1.5, 1.0, len(ttl))
    rtt_ms[luck.random(len(ttl)) < 0.03] = np.nan
    addr = np.array([f"10.0.{hop // 256}.{hop % 256}" for hop in range(hops + 1)], dtype=object)[ttl]
    addr[np.isnan(rtt_ms)] = None
    sent_at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(round_, unit="s")
    probes = {"round": round_, "ttl": ttl, "addr": addr, "rtt_ms": rtt_ms, "sent_at": sent_at}
    return tn.Run.from_probes(pd.DataFrame(probes))
