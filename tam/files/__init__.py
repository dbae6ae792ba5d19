"""Files on disk: saved explanations, typed fields, tensors, PNG and atomic writing."""
