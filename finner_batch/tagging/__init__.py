"""Stage 3: sentences into labelled number spans."""
