"""Stage 4: a labelled number into its value, unit and scale."""
