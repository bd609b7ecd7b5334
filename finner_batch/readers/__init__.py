"""Stage 1: paths and URLs into documents."""
