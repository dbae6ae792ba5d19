"""Rows of the table of families: supported ones, and refused ones with the reason."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Family", "Refused"]


@dataclass(frozen=True)
class Family:
    """A supported architecture family.

    Parameters
    ----------
    name
        The name that people know it by.
    model_types
        The values of ``config.model_type`` that belong to it.
    adapter
        ``"module:Class"`` of its adapter, imported when it is needed.
    examples
        Checkpoints of the family.
    inputs
        What it takes, out of ``"image"``, ``"images"`` (several in a conversation) and
        ``"video"``; empty where that is not known.
    notes
        What a user should know.
    relatives
        Checkpoints for particular fields that have one of these types. None of them was tried
        here: they should work, and ``tam verify`` tells.
    featured
        Whether the README's short table shows it.
    """

    name: str
    model_types: tuple[str, ...]
    adapter: str
    examples: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    relatives: tuple[str, ...] = ()
    featured: bool = False


Status = Literal["refused", "audio only", "not yet"]
"""Whether a family can have no maps, shows no pictures, or only has no adapter so far."""


@dataclass(frozen=True)
class Refused:
    """A known architecture family that is not explained.

    Parameters
    ----------
    name
        The name that people know it by.
    model_types
        The values of ``config.model_type`` that belong to it.
    reason
        Why it has no maps, as the end of the sentence "It is refused: …".
    instead
        What to use in its place, as an instruction; empty where there is nothing.
    status
        The kind of reason.
    """

    name: str
    model_types: tuple[str, ...]
    reason: str
    instead: str = ""
    status: Status = "refused"
