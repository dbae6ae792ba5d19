"""Conversations, and their encoding to the token ids that a model reads."""
