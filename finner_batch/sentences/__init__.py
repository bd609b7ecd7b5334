"""Stage 3, sentences: blocks into sentences, offsets kept."""
