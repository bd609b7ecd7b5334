"""How good a model is: scores, intervals, calibration, thresholds, the job against the filers' own tags."""
