"""One self-contained page of a results folder: the run in numbers, what was found, and every number in its sentence."""
