"""Measures the job on this machine: its stages, its model beside the machine's ceiling, the job whole, its peers."""
