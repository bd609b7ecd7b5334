"""Drives the stages: one job and one driver, on this machine or on a Ray cluster."""
