"""The model weights that ship with the package."""

from pathlib import Path

SHIPPED: tuple[str, ...] = ("small", "small-masks", "small-aligned")
"""Names of the models that ship with the package."""

KNOWS = "it knows drawn scenes of a few colored shapes alone, and guesses at any other picture"
"""A note on the limits of these models."""


def weights_folder(name: str) -> Path:
    """Return the folder of a shipped model for ``from_pretrained``; KeyError for other names."""
    if name not in SHIPPED:
        raise KeyError(f"{name} is not among the shipped models: {', '.join(SHIPPED)}")
    return Path(__file__).parents[1] / "scenes" / "weights" / name
