"""Recorded runs: the trace that methods read, and how one or many conversations are recorded."""
