"""The version of finner-batch."""

__version__ = "0.1.0"
