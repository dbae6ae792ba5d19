"""Rows of the table of families: supported ones, and refused ones with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Family", "Refused"]


@dataclass(frozen=True)
class Family:
    """A supported architecture family.

    Parameters
    ----------
    name
        Its common name.
    model_types
        The values of ``config.model_type`` that belong to it.
    adapter
        ``"module:Class"`` of its adapter, imported when it is needed.
    examples
        Checkpoints of the family.
    inputs
        The inputs that it takes: ``"image"``, ``"images"`` (several in a conversation) and
        ``"video"``; empty if unknown.
    notes
        Notes for the user.
    relatives
        Checkpoints for particular fields with one of these model types. They are expected to work
        but were not tried; ``tam verify`` checks them.
    featured
        Whether the README's short table shows it.
    since
        The first release of transformers with which a model type works, for types that the oldest
        supported release lacks or whose words it does not locate.
    """

    name: str
    model_types: tuple[str, ...]
    adapter: str
    examples: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    relatives: tuple[str, ...] = ()
    featured: bool = False
    since: Mapping[str, str] = field(default_factory=dict)


Status = Literal["refused", "audio only", "not yet"]
"""Whether a family cannot have maps, takes only sound, or has no adapter yet."""


@dataclass(frozen=True)
class Refused:
    """A known architecture family that is not supported.

    Parameters
    ----------
    name
        Its common name.
    model_types
        The values of ``config.model_type`` that belong to it.
    reason
        Why it has no maps, as a clause that completes "It is refused: …".
    instead
        What to use instead, in the imperative; empty if there is no alternative.
    status
        Why it is not supported.
    """

    name: str
    model_types: tuple[str, ...]
    reason: str
    instead: str = ""
    status: Status = "refused"
