"""Stage 6, store: rows into atomic Parquet parts, exactly once; what was done, and what must be done again."""
