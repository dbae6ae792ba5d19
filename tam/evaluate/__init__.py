"""Measures of maps and texts against the truth; knows no model."""
