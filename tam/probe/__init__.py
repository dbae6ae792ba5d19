"""The layout probe: what every adapter, built in or added, must pass."""
