"""Attributing the error of a failed run to the options, the model, or the caller's own code."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
import transformers

from tam.capture.settings import generation_settings
from tam.errors import InputError, ModelError, SetupError, TamError, ran_out_of_memory

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The folders of installed packages: an environment may be layered over another one.
_LIBRARIES = tuple(str(Path(str(package.__file__)).parents[1]) for package in (torch, transformers))
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
"""Exceptions that libraries raise for inputs that they cannot process."""

# Maximum number of characters quoted from a library's message.
_LONGEST = 300

# Decoding options under which the states are not those of successive passes over the reply.
_REFUSED: Mapping[str, str] = {
    "guidance_scale": "guidance mixes the scores of a second run without the picture into the "
    "model's own",
    "assistant_early_exit": "the model's early layers draft the reply, and their states are not "
    "final",
    "custom_generate": "how a custom decoding loop calls the model is not known; run it in "
    "tam.MapStreamer, or pass its reply as the answer",
}
_REFUSED_CACHES = frozenset(
    ("offloaded", "offloaded_static", "offloaded_hybrid", "offloaded_hybrid_chunked", "quantized")
)


def check_generation(model: "PreTrainedModel", options: Mapping[str, Any]) -> None:
    """Refuse decoding options whose replies cannot be explained, before the model runs.

    Parameters
    ----------
    model
        The transformers model; its ``generation_config`` supplies the defaults of the options.
    options
        Options of transformers' ``generate``.

    Raises
    ------
    InputError
        If an option is refused. The message names it.
    """
    for name, reason in _REFUSED.items():
        value = _effective(model, options, name)
        if value is not None and not (name == "guidance_scale" and value == 1):
            raise _refused(name, reason)
    cache = _effective(model, options, "cache_implementation")
    if cache in _REFUSED_CACHES:
        raise _refused(
            "cache_implementation", f"a {cache!r} cache rounds or offloads the keys and values"
        )


def _effective(model: "PreTrainedModel", options: Mapping[str, Any], name: str) -> Any:
    settings = generation_settings(model, options)
    return options.get(name, getattr(settings, name, None))


def _refused(name: str, reason: str) -> InputError:
    return InputError(
        f"replies generated this way cannot be explained: {reason}",
        where=name,
        remedy="leave it out",
    )


@contextmanager
def attributed_errors(
    model: "PreTrainedModel", options: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Attribute an error that ends a run to its cause.

    Parameters
    ----------
    model
        The transformers model.
    options
        The caller's options of ``generate``, if the model generates the reply.

    Raises
    ------
    InputError
        If transformers rejects the options, which it checks before the model runs.
    ModelError
        If the model's own code fails, or transformers fails although no options were given.
    SetupError
        If a package is missing.

    Errors raised by the caller's own code, such as a logits processor, and out-of-memory errors
    pass through unchanged.
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
        suspects = [
            name for name in options or () if name != "max_new_tokens" or name in str(error)
        ]
        if any(_in_model_code(frame, model) for frame in frames):
            raise ModelError(
                f"the model fails on this conversation ({one_line(error)})",
                where=type(model).__name__,
                remedy="try another picture or prompt; run 'tam verify' to see whether any works",
            ) from error
        if any(map(_in_callers_code, frames)):
            raise
        if suspects:
            raise InputError(
                f"transformers refuses these options of generate ({one_line(error)})",
                where=", ".join(suspects),
                remedy="see the documentation of GenerationConfig",
            ) from error
        raise ModelError(
            f"transformers cannot generate with this model ({one_line(error)})",
            where=type(model).__name__,
            remedy="see the checkpoint's generation_config.json",
        ) from error


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, truncated to a fixed length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".") if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _in_model_code(frame: FrameType, model: "PreTrainedModel") -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    roots = ("transformers.models.", "transformers_modules.")
    return name.startswith(roots) or name == type(model).__module__


def _in_callers_code(frame: FrameType) -> bool:
    """Whether a frame's code is neither the toolkit's, Python's, nor an installed package's."""
    root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    path = frame.f_code.co_filename
    known = root in _OURS or root in sys.stdlib_module_names or path.startswith(("<", *_LIBRARIES))
    return not known
