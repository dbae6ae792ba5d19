"""The text that the chat template dropped, read from an explanation's provenance."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tam.geometry.layout import DroppedText


def dropped_texts(provenance: Mapping[str, Any]) -> tuple[DroppedText, ...]:
    """Return the parts of the conversation that the model did not read, in order.

    A saved provenance may contain anything; entries of another form are ignored.
    """
    listed = provenance.get("dropped_text")
    names = {field.name for field in fields(DroppedText)}
    dropped = []
    for part in listed if isinstance(listed, list | tuple) else ():
        if not isinstance(part, Mapping) or set(part) != names:
            continue
        texts, indices = (part["role"], part["text"]), (part["turn"], part["before_token"])
        if all(isinstance(text, str) for text in texts) and all(map(_is_index, indices)):
            dropped.append(DroppedText(**part))
    return tuple(sorted(dropped, key=lambda part: (part.turn, part.before_token)))


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
