"""Model families: the adapter protocol, the registry of adapters, and what a checkpoint is."""
