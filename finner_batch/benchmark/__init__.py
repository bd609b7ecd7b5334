"""Measures the job on this machine: its stages, its model against the machine's ceiling, the whole job, its peers."""
