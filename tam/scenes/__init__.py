"""Synthetic scenes with exact masks, and the small model that was trained on them."""
