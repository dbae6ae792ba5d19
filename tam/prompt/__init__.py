"""Conversations and their encoding as the token ids that a model reads."""
