"""The settings files of a checkpoint, each of which must hold a JSON object.

When a file holds anything else, transformers treats it as empty, ignores it, or fails with an error
that does not name the file, depending on which file it is.
"""

import json
from pathlib import Path

from tam.errors import ModelError

SETTINGS = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "model.safetensors.index.json",
    "adapter_config.json",
)
_TOKENIZER = "tokenizer.json"


def check_settings(source: str, revision: str | None = None) -> None:
    """Check those settings files of a checkpoint that are on this machine.

    Parameters
    ----------
    source
        A folder, or a hub id, for which only files already downloaded are checked.
    revision
        Branch, tag or commit of a hub model.

    Raises
    ------
    ModelError
        If a file is not a JSON object.
    """
    for name in SETTINGS:
        path = _on_this_machine(source, name, revision)
        if path is not None and (fault := _fault(path)):
            raise _damaged(source, name, fault)
    path = _on_this_machine(source, _TOKENIZER, revision)
    # Only its first character is checked: it is megabytes long, and the tokenizer parses it anyway.
    if path is not None and not _begins_an_object(path):
        raise _damaged(source, _TOKENIZER, "is not a JSON object")


def _damaged(source: str, name: str, fault: str) -> ModelError:
    return ModelError(
        f"{name} {fault}", where=source, remedy="download the model again, or save it again"
    )


def _fault(path: Path) -> str | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        return "is not JSON"
    return None if isinstance(found, dict) else "is not a JSON object"


def _begins_an_object(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] == b"{"


def _on_this_machine(source: str, name: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    if Path(source).is_dir():
        path = Path(source) / name
        return path if path.is_file() else None
    found = try_to_load_from_cache(source, name, revision=revision)
    return Path(found) if isinstance(found, str) else None
