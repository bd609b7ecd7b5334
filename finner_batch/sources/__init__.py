"""Stage 1, sources: discover files, tell their kind, decode them, read their header fields."""
