"""Stage 5, entities: reads the value, unit and scale of a labelled number."""
