"""The layout probe, a test that every adapter, built in or external, must pass."""
