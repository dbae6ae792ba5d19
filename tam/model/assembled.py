"""The folders of models that were assembled on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from platformdirs import user_cache_path

from tam.errors import ModelError

VARIABLE = "TAM_MODELS"
"""The environment variable that names the folder of assembled models."""

DEFAULT_VARIABLE = "TAM_MODEL"
"""The environment variable that names the default model."""

PHOTO = "photo"
"""The name of the photo model and of its folder."""

FROZEN = "photo-frozen"
"""The name of the photo model whose language model is as published, without an adapter."""

ASSEMBLED = (PHOTO, FROZEN)
"""The names of all models that can be assembled."""

CAPTION_QUESTIONS = (
    "What is in the picture?",
    "What does the picture show?",
    "Describe this image.",
)
"""The questions for a caption with which both photo models were trained."""

MORE_QUESTIONS = (
    *CAPTION_QUESTIONS,
    "What is this?",
    "What do you see?",
    "What can you see in the picture?",
    "What is shown here?",
    "Tell me what is in the picture.",
    "What animal is this?",
    "What object is this?",
)
"""The questions for a caption with which the photo model with an adapter was trained."""

_PRESENCE = "Is there … in the picture?"

QUESTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {PHOTO: (*MORE_QUESTIONS, _PRESENCE), FROZEN: (*CAPTION_QUESTIONS, _PRESENCE)}
)
"""All questions with which each photo model was trained; the dots stand for a noun."""


def models_folder() -> Path:
    """Return the folder of all assembled models: ``TAM_MODELS``, else one in the user's cache."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else user_cache_path("token-activation-map", False) / "models"


def photo_folder(name: str = PHOTO) -> Path:
    """Return the folder of a photo model, whether or not it has been assembled."""
    return models_folder() / name


def is_assembled(name: str = PHOTO) -> bool:
    """Whether a photo model exists; its folder is written completely or not at all."""
    return (photo_folder(name) / "config.json").is_file()


def assembled_folder(name: str = PHOTO) -> Path:
    """Return the folder of an assembled photo model.

    Raises
    ------
    ModelError
        If it has not been assembled.
    """
    if not is_assembled(name):
        raise ModelError(
            "this model has not been assembled on this machine",
            where=name,
            remedy=f"assemble it with: tam get {name}",
        )
    return photo_folder(name)


def default_model() -> str:
    """Return the default model: ``TAM_MODEL`` if set, else ``photo`` if assembled, else ``small``.

    Which model answered is printed, and is in the provenance of every explanation.
    """
    return os.environ.get(DEFAULT_VARIABLE) or (PHOTO if is_assembled() else "small")
