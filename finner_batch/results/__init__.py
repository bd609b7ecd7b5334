"""Stage 5: rows into Parquet parts and back, each document exactly once; and the cache of logits."""
