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
"""The name of the photo model and of its folder."""

CAPTION_QUESTIONS = (
    "What is in the picture?",
    "What does the picture show?",
    "Describe this image.",
)
"""The questions for a caption with which the photo model was trained."""

QUESTIONS = (*CAPTION_QUESTIONS, "Is there … in the picture?")
"""All questions with which the photo model was trained; the dots stand for a noun."""


def models_folder() -> Path:
    """Return the folder of all assembled models: ``TAM_MODELS``, else one in the user's cache."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else user_cache_path("token-activation-map", False) / "models"


def photo_folder() -> Path:
    """Return the folder of the photo model, whether or not it has been assembled."""
    return models_folder() / PHOTO


def is_assembled() -> bool:
    """Whether the photo model exists; its folder is written completely or not at all."""
    return (photo_folder() / "config.json").is_file()


def assembled_folder() -> Path:
    """Return the folder of the assembled photo model.

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
    """Return the default model: ``TAM_MODEL`` if set, else ``photo`` if assembled, else ``small``.

    Which model answered is printed, and is in the provenance of every explanation.
    """
    return os.environ.get(DEFAULT_VARIABLE) or (PHOTO if is_assembled() else "small")
