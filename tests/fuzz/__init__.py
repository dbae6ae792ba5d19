"""Mutated files of every kind that the toolkit reads: each is read, or refused with a TamError."""
