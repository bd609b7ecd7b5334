"""Stage 2, text: the visible text of a document as blocks, each with its section."""
