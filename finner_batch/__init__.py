"""finner-batch: EDGAR filings in, tagged financial numbers out, as Parquet."""

__version__ = "0.1.0"
