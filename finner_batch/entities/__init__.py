"""Stage 5, entities: a labelled number into a value with unit and scale."""
