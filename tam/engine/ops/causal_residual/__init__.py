"""Estimated causal inference: what of a map earlier words do not explain."""
