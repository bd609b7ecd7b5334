"""Rows to Parquet parts and back, each document exactly once; and the cache of logits."""
