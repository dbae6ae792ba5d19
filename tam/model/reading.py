"""Resolve model names, and report unreadable model files in one-line errors."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tam.capture.memory import memory_errors
from tam.errors import ModelError, SetupError, TamError
from tam.model.assembled import ASSEMBLED, assembled_folder
from tam.model.settings_files import check_settings
from tam.model.shipped import SHIPPED, weights_folder

_KINDS = (
    "give 'photo', 'small', a hub id such as Qwen/Qwen2-VL-2B-Instruct, or a folder that holds "
    "config.json, safetensors weights and the processor's files"
)
# The largest number of characters quoted from a library's message.
_LONGEST = 300
_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")


def source_of(name: str) -> str:
    """Return the folder or the hub id that a model's name refers to."""
    if name in SHIPPED:
        return str(weights_folder(name))
    if name in ASSEMBLED:
        return str(assembled_folder(name))
    path = Path(name)
    # Path treats an empty name as the working folder.
    if (name and path.is_dir()) or (not path.exists() and _HUB_ID.fullmatch(name)):
        return name
    raise ModelError(
        "is a file, not a folder" if path.is_file() else "unknown model or folder",
        where=name or "model",
        remedy=_KINDS,
    )


def told_name(name: str) -> str:
    """Return a model's name for display; for a folder, only the last part of its path."""
    return name if name in (*SHIPPED, *ASSEMBLED) or not Path(name).exists() else Path(name).name


def plain_config(source: str, pinned: Mapping[str, Any]) -> dict[str, Any]:
    """Read a checkpoint's config.json as plain JSON, before any code interprets it."""
    from transformers import PreTrainedConfig

    check_settings(source, pinned.get("revision"))
    plain, _ = PreTrainedConfig.get_config_dict(source, **pinned)
    check_settings(source, pinned.get("revision"))  # this includes files just downloaded
    return dict(plain)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence libraries that log every download retry, missing kernel and missing tensor.

    What matters is reported once, in an error or a note.
    """
    loggers = [logging.getLogger(name) for name in ("huggingface_hub", "bitsandbytes")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    # This logger's level also controls what transformers checks, so a filter is used instead.
    reports = logging.getLogger("transformers.modeling_utils")
    reports.addFilter(_is_error)
    try:
        yield
    finally:
        reports.removeFilter(_is_error)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


@contextmanager
def reading(name: str, part: str) -> Iterator[None]:
    """Convert any error from reading a part of a checkpoint into a one-line error.

    The files are untrusted, and libraries raise almost any exception when one is damaged.
    """
    try:
        with memory_errors():
            yield
    except TamError:
        raise
    except ImportError as error:
        raise SetupError(
            _one_line(error), where=name, remedy="install the missing package"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and "connect" in str(error):
            raise SetupError(
                "cannot be fetched, and is not on this machine yet",
                where=name,
                remedy="check the name and the network, or give the folder of a model",
            ) from error
        raise ModelError(
            f"{part} cannot be read ({_one_line(error)})", where=name, remedy=_KINDS
        ) from error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".") if len(text) <= _LONGEST else text[:_LONGEST] + "…"
