"""Files on disk: saved explanations, typed JSON fields, tensors, PNG and atomic writing."""
