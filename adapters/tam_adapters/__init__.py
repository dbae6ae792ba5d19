"""Adapters of the Token Activation Map toolkit: one file per architecture family."""
