"""Model families: the adapter protocol, the registry of adapters, and checkpoints."""
