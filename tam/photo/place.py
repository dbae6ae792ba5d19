"""Where models that were assembled on this machine lie."""

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "TAM_MODELS"
"""The environment variable that names the folder of assembled models."""

PHOTO = "photo"
"""The photo model's name, and that of its folder."""


def models_folder() -> Path:
    """Folder of all assembled models: what ``TAM_MODELS`` says, else one in the user's cache."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else user_cache_path("token-activation-map", False) / "models"


def photo_folder() -> Path:
    """Folder of the photo model, whether it has been assembled or not."""
    return models_folder() / PHOTO


def is_assembled() -> bool:
    """Whether the photo model is there: a folder is written whole or not at all."""
    return (photo_folder() / "config.json").is_file()
