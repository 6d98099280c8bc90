"""A million packets that are nobody's, through decoder, strategy and recorder: cost, and what stays behind.

Linux. Prints the rate, the resident memory each 200,000 packets, and the counters at the end.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.security.flood import Flooded, resident_kb

COUNT, STEP = 1_000_000, 200_000


def main() -> None:
    flooded = Flooded()
    print(f"before: {resident_kb() / 1024:6.1f} MB")
    began = time.perf_counter()
    for number in flooded.pour(COUNT):
        if number % STEP == 0:
            print(f"{number:9,}: {resident_kb() / 1024:6.1f} MB")
    took_s = time.perf_counter() - began
    tables = flooded.recorder.tables()
    run = tables.runs.iloc[0]
    print(f"{COUNT / took_s:,.0f} packets a second (a third each undecodable, unmatched, duplicate)")
    print(f"unmatched {run['unmatched']:,}, foreign {run['foreign']:,}, replies kept {len(tables.replies):,}")


if __name__ == "__main__":
    main()
