"""Bytes on disk: saved explanations, typed fields, tensors, PNG, whole or not at all."""
