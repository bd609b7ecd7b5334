"""Stage 4, tagger: sentences to labelled number spans (tokenise, batch, infer, decode)."""
