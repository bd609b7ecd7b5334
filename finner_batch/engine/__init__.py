"""Drives the stages over many documents: worker processes, one session, one writer."""
