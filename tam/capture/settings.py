"""The settings that ``generate`` uses for options that are not given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tam.errors import InputError

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel


def generation_settings(model: "PreTrainedModel", options: Mapping[str, Any]) -> "GenerationConfig":
    """Return the caller's ``generation_config``, or the checkpoint's if there is none.

    Raises
    ------
    InputError
        If the caller's has another type.
    """
    from transformers import GenerationConfig

    given = options.get("generation_config")
    if given is not None and not isinstance(given, GenerationConfig):
        raise InputError(
            f"{type(given).__name__} is not a GenerationConfig",
            where="generation_config",
            remedy="give a transformers.GenerationConfig, or individual options",
        )
    settings: GenerationConfig = model.generation_config if given is None else given
    return settings
