"""Statistics of a labelled dataset: tables, cues, figures, report."""
