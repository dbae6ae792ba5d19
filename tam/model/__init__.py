"""The public facade: loading, low-rank adapters, chat, streams, batches and verification."""
