"""Stage 4, tagger: sentences into labelled number spans (tokenise, batch, infer, decode)."""
