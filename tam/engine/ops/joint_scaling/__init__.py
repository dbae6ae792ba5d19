"""Joint scaling: a map and its target's text scores on one scale from 0 to 1."""
