"""The weights that come with the package."""

from pathlib import Path

SHIPPED: tuple[str, ...] = ("small", "small-masks", "small-aligned")
"""Names of the models that the package carries."""

KNOWS = "it knows drawn scenes of a few colored shapes alone, and guesses at any other picture"
"""The note on what each of them knows."""


def weights_folder(name: str) -> Path:
    """Folder of a shipped model, for ``from_pretrained``. KeyError for any other name."""
    if name not in SHIPPED:
        raise KeyError(f"{name} is not among the shipped models: {', '.join(SHIPPED)}")
    return Path(__file__).parents[1] / "scenes" / "weights" / name
