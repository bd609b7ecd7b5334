"""Makes models: label, train, evaluate, export. Needs the `train` extra; `run` never imports it."""
