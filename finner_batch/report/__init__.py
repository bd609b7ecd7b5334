"""Writes one self-contained HTML page about a results folder: the run, the counts, every number in its sentence."""
