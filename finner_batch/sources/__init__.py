"""Stage 1, sources: find files, detect their format, decode them, and read their header fields."""
