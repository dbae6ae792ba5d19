"""Recorded runs: the trace that methods read, and the recording of one or many conversations."""
