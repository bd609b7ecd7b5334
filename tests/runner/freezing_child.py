"""Runs a job with a short limit of time; a process of its own, so that it can be stopped."""

import sys

from finner_batch.config import RunConfig
from finner_batch.runner import worker_pool as pool
from finner_batch.runner.run import run

if __name__ == "__main__":
    pool.GRACE_S = 0.5
    given, results, timeout_s = sys.argv[1:]
    report = run(RunConfig(input=(given,), output=results, workers=1, timeout_s=float(timeout_s)))
    sys.exit(report.exit_code)
