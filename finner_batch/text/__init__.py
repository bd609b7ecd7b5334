"""Stage 2, text: visible text of a document, as blocks that know their section."""
