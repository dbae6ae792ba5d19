"""Measures of maps and texts against the truth, independent of any model."""
