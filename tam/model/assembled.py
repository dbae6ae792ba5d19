"""The folders of models that were assembled on this machine."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from tam.errors import ModelError

VARIABLE = "TAM_MODELS"
"""The environment variable that names the folder of assembled models."""

DEFAULT_VARIABLE = "TAM_MODEL"
"""The environment variable that names the default model."""

PHOTO = "photo"
"""The photo model's name, and that of its folder."""


def models_folder() -> Path:
    """Folder of all assembled models: ``TAM_MODELS`` if set, else one in the user's cache."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else user_cache_path("token-activation-map", False) / "models"


def photo_folder() -> Path:
    """Folder of the photo model, whether it has been assembled or not."""
    return models_folder() / PHOTO


def is_assembled() -> bool:
    """Whether the photo model exists; its folder is written as a whole or not at all."""
    return (photo_folder() / "config.json").is_file()


def assembled_folder() -> Path:
    """Folder of the photo model.

    Raises
    ------
    ModelError
        If it has not been assembled.
    """
    if not is_assembled():
        raise ModelError(
            "the photo model has not been assembled on this machine",
            where=PHOTO,
            remedy="assemble it with: tam get photo",
        )
    return photo_folder()


def default_model() -> str:
    """The default model: ``TAM_MODEL`` if set, else ``small``.

    The photo model is never the default as long as its projector names so few photographs
    (docs/photo.md).
    """
    return os.environ.get(DEFAULT_VARIABLE) or "small"
