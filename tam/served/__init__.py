"""Explanations of replies written elsewhere, from their token ids and last-layer states."""
