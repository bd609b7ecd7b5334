"""What a labelled dataset holds: tables, cues, pictures, report."""
