"""Attribution of a failed run's error to the options, the model, or the caller's own code."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from tam.capture.settings import generation_settings
from tam.errors import InputError, ModelError, SetupError, TamError, ran_out_of_memory

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The folder of installed packages.
_LIBRARIES = str(Path(torch.__file__).parents[1])
_OURS = frozenset(("tam", "tam_adapters"))

FOREIGN_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
"""Exceptions that libraries raise for an input that they cannot use."""

# Characters of a library's message that are quoted.
_LONGEST = 300

# Ways to generate in which the states are not those of successive passes over the reply.
_REFUSED: Mapping[str, str] = {
    "guidance_scale": "guidance mixes the scores of a second run, without the picture, into the "
    "model's",
    "assistant_early_exit": "a part of the model drafts the reply, and its states are not final",
    "custom_generate": "it is not known what your own loop does with the model; run it in "
    "tam.MapStreamer, or give its reply as the answer",
}
_REFUSED_CACHES = frozenset(
    ("offloaded", "offloaded_static", "offloaded_hybrid", "offloaded_hybrid_chunked", "quantized")
)


def check_generation(model: "PreTrainedModel", options: Mapping[str, Any]) -> None:
    """Refuse ways to generate that cannot be explained, before the model runs.

    Parameters
    ----------
    model
        The transformers model; what its ``generation_config`` asks for counts where the options
        are silent.
    options
        Options of transformers' ``generate``.

    Raises
    ------
    InputError
        With the name of the option.
    """
    for name, reason in _REFUSED.items():
        value = _asked(model, options, name)
        if value is not None and not (name == "guidance_scale" and value == 1):
            raise _refused(name, reason)
    cache = _asked(model, options, "cache_implementation")
    if cache in _REFUSED_CACHES:
        raise _refused(
            "cache_implementation", f"{cache!r} keys and values are rounded or offloaded"
        )


def _asked(model: "PreTrainedModel", options: Mapping[str, Any], name: str) -> Any:
    settings = generation_settings(model, options)
    return options.get(name, getattr(settings, name, None))


def _refused(name: str, reason: str) -> InputError:
    return InputError(
        f"replies written this way cannot be explained: {reason}", where=name, remedy="leave it out"
    )


@contextmanager
def told_errors(
    model: "PreTrainedModel", options: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Attribute an error that ends a run to its cause.

    Parameters
    ----------
    model
        The transformers model.
    options
        The caller's options of ``generate``, if it writes the reply.

    Raises
    ------
    InputError
        If transformers refuses the options, which it checks before the model runs.
    ModelError
        If the model's own code fails, or transformers fails without options.
    SetupError
        If a package is missing.

    Errors of the caller's own code, such as a logits processor, and errors of memory pass through
    unchanged.
    """
    try:
        yield
    except TamError:
        raise
    except MemoryError:
        raise
    except ImportError as error:
        raise SetupError(
            one_line(error), where="generate", remedy="install the missing package"
        ) from error
    except FOREIGN_ERRORS as error:
        if ran_out_of_memory(error):
            raise
        frames = [frame for frame, _ in walk_tb(error.__traceback__)][1:]
        own = [name for name in options or () if name != "max_new_tokens" or name in str(error)]
        if any(_is_models(frame, model) for frame in frames):
            raise ModelError(
                f"the model fails on this conversation ({one_line(error)})",
                where=type(model).__name__,
                remedy="try another picture or prompt; 'tam verify' tells whether any works",
            ) from error
        if any(map(_is_callers, frames)):
            raise
        if own:
            raise InputError(
                f"transformers refuses these options of generate ({one_line(error)})",
                where=", ".join(own),
                remedy="see its GenerationConfig",
            ) from error
        raise ModelError(
            f"transformers cannot let this model write ({one_line(error)})",
            where=type(model).__name__,
            remedy="see the checkpoint's generation_config.json",
        ) from error


def one_line(error: BaseException) -> str:
    """An error's message on one line, cut to a fixed length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".") if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _is_models(frame: FrameType, model: "PreTrainedModel") -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    roots = ("transformers.models.", "transformers_modules.")
    return name.startswith(roots) or name == type(model).__module__


def _is_callers(frame: FrameType) -> bool:
    """Whether a frame runs code that is neither ours, nor Python's, nor an installed package's."""
    root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    path = frame.f_code.co_filename
    known = root in _OURS or root in sys.stdlib_module_names or path.startswith(("<", _LIBRARIES))
    return not known
