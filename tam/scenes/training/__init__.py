"""Training of the small models on generated scenes."""
