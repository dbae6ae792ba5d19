"""Explaining replies of a serving engine, from their token ids and last-layer states."""
