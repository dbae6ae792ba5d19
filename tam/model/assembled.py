"""The folders of models that were assembled on this machine."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
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

_RECORD = "bundled.json"
"""The file of an assembled model's folder that says which bundled weights it was made of."""

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


@dataclass(frozen=True)
class Bundled:
    """The bundled weights of a photo model: its projector, and the adapter if it has one."""

    projector: Path
    adapter: Path | None = None

    def record(self) -> str:
        """Return the record of an assembled model: the SHA-256 of each file by name, as JSON."""
        files = [path for path in (self.projector, self.adapter) if path is not None]
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return json.dumps(digests, indent=1) + "\n"


_PHOTO_FILES = Path(__file__).parents[1] / "photo"

BUNDLED: Mapping[str, Bundled] = MappingProxyType(
    {
        PHOTO: Bundled(
            _PHOTO_FILES / "projector.safetensors", _PHOTO_FILES / "adapter.safetensors"
        ),
        FROZEN: Bundled(_PHOTO_FILES / "frozen_projector.safetensors"),
    }
)
"""The bundled weights, in float16, of each model that can be assembled."""


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


def is_current(name: str = PHOTO) -> bool:
    """Whether a photo model exists and was made of the weights that are bundled now."""
    try:
        record = (photo_folder(name) / _RECORD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return is_assembled(name) and record == BUNDLED[name].record()


def write_record(folder: Path, name: str) -> None:
    """Write into a folder which bundled weights the model in it was made of."""
    (folder / _RECORD).write_text(BUNDLED[name].record(), encoding="utf-8")


def assembled_folder(name: str = PHOTO) -> Path:
    """Return the folder of an assembled photo model.

    Raises
    ------
    ModelError
        If it has not been assembled, or was by a version of this package with other weights.
    """
    remedy = f"assemble it with: tam get {name}"
    if not is_assembled(name):
        raise ModelError(
            "this model has not been assembled on this machine",
            where=name,
            remedy=remedy,
        )
    if not is_current(name):
        raise ModelError(
            "this model was assembled by a version of this package with other weights",
            where=name,
            remedy=remedy,
        )
    return photo_folder(name)


def default_model() -> str:
    """Return the default model: ``TAM_MODEL`` if set, else ``photo`` if assembled, else ``small``.

    Which model answered is printed, and is in the provenance of every explanation.
    """
    return os.environ.get(DEFAULT_VARIABLE) or (PHOTO if is_assembled() else "small")
