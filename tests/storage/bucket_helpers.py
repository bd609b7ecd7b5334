"""Runs in this process, and what they leave in a bucket or a folder."""

from finner_batch.config import RunConfig
from finner_batch.query.connection import connect
from finner_batch.runner.run import run
from finner_batch.storage.s3 import S3Bucket, open_bucket, s3_client

SMALL_COMMITS = ("--commit-seconds", 0, "--window-sentences", 8, "--workers", 1)


def config(filings, results, **settings):
    """Of a run with many small commits, unless a setting says otherwise."""
    small = {"commit_seconds": 0, "window_sentences": 8, "workers": 1}
    return RunConfig(input=(str(filings),), output=str(results), **(small | settings))


def job(filings, results, **settings):
    """A run in this process, and its report."""
    return run(config(filings, results, **settings)).as_json()


def rows(results):
    """All rows that the views show, without what differs from run to run or place to place."""
    with connect(results) as connection:
        return {
            table: sorted(
                connection.execute(f"SELECT * EXCLUDE (run_id, source, {own}) FROM {table}").fetchall(),
                key=repr,
            )
            for table, own in (("documents", "seconds"), ("entities", "schema_version"))
        }


def make_bucket(of) -> S3Bucket:
    """A bucket that nothing else of this test session uses."""
    name = f"test-{abs(hash(of)) % 10**12}"
    s3_client().create_bucket(Bucket=name)
    return open_bucket(name)
