"""Estimated causal inference: the part of a map that earlier words do not explain."""
