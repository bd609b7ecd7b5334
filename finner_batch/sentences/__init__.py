"""Stage 3, sentences: splits blocks into sentences and keeps their offsets."""
