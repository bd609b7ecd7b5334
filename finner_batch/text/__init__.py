"""Stage 2: a document into blocks, sections, sentences and number tokens."""
