"""The engine that runs the stages on a Ray cluster."""
