"""The settings that ``generate`` uses for options that are not given."""

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from tam.errors import InputError

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel


def generation_settings(model: "PreTrainedModel", options: Mapping[str, Any]) -> "GenerationConfig":
    """Return the caller's ``generation_config``, with missing settings from the checkpoint's.

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
    defaults: GenerationConfig = model.generation_config
    if given is None:
        return defaults
    settings = copy(given)
    for name, value in vars(defaults).items():
        if getattr(settings, name, None) is None:
            setattr(settings, name, value)
    return settings
