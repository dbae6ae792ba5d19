"""What the chat template kept from the model, as a provenance has it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tam.geometry.layout import DroppedText


def dropped_texts(provenance: Mapping[str, Any]) -> tuple[DroppedText, ...]:
    """Read the parts of the conversation that the model did not read, in their order.

    A saved provenance may hold anything; what is not such a part is passed over.
    """
    listed = provenance.get("dropped_text")
    names = {field.name for field in fields(DroppedText)}
    found = []
    for part in listed if isinstance(listed, list | tuple) else ():
        if not isinstance(part, Mapping) or set(part) != names:
            continue
        texts, places = (part["role"], part["text"]), (part["turn"], part["before_token"])
        if all(isinstance(text, str) for text in texts) and all(map(_is_index, places)):
            found.append(DroppedText(**part))
    return tuple(sorted(found, key=lambda part: (part.turn, part.before_token)))


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
