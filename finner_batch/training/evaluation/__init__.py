"""Evaluation of a model: scores, intervals, calibration, thresholds, and rows compared with the filers' own tags."""
