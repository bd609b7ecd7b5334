"""The run on a Ray cluster: reading and tagging as a Ray Data pipeline, this process the only one that writes."""
