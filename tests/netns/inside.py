"""Run inside a namespace by `lab.Lab.trace`: jobs as JSON on standard input, a Parquet file for each."""

import json
import os
import sys

import trippy_nb as tn


def main() -> None:
    for job in json.load(sys.stdin):
        path, target, uid = job.pop("path"), job.pop("target"), job.pop("uid", None)
        verb = getattr(tn, job.pop("verb", "trace"))
        if uid is not None:
            os.seteuid(uid)  # gives up the effective capabilities of root with it
        try:
            run = verb(target, progress=False, dns=False, **job)
        finally:
            if uid is not None:
                os.seteuid(0)
        run.save(path)


if __name__ == "__main__":
    main()
