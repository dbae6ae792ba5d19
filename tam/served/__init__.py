"""Explains what a model said elsewhere, from its reply's token ids and last-layer states."""
