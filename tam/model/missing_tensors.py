"""Report tensors that are missing from a checkpoint or unknown to its model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tam.errors import ModelError

# The number of tensors that an error names.
_TOLD = 3


def loading_notes(source: str, loaded: Mapping[str, Any], *, allow_missing: bool) -> list[str]:
    """Return notes on mismatches between the tensors of a checkpoint and of its model.

    Parameters
    ----------
    loaded
        transformers' loading report (``output_loading_info``).

    Raises
    ------
    ModelError
        If tensors are missing or have the wrong shape, and this is not allowed.
    """
    missing = sorted(loaded["missing_keys"])
    mismatched = [
        f"{key} {list(found)}, not {list(wanted)}"
        for key, found, wanted in sorted(loaded["mismatched_keys"])
    ]
    unexpected = sorted(loaded["unexpected_keys"])
    complaints = [
        f"{what} ({told_keys(keys)})"
        for what, keys in (
            ("tensors of the model are missing in the checkpoint", missing),
            ("tensors have another shape in the checkpoint", mismatched),
        )
        if keys
    ]
    if complaints and not allow_missing:
        raise ModelError(
            " and ".join(complaints),
            where=source,
            remedy="fetch or save the checkpoint again; --allow-missing (allow_missing=True) fills "
            "them with random numbers",
        )
    notes = [
        f"{told}, and hold random numbers; the model is not the saved one" for told in complaints
    ]
    if unexpected:
        notes.append(
            f"the model does not use all tensors of the checkpoint ({told_keys(unexpected)})"
        )
    return notes


def check_tensors(where: str, missing: Iterable[str], unexpected: Iterable[str]) -> None:
    """Refuse a checkpoint whose tensors are not exactly those of the model.

    Raises
    ------
    ModelError
        If tensors are missing or unexpected. The message names the first few.
    """
    complaints = [
        f"tensors {what} ({told_keys(keys)})"
        for what, keys in (
            ("are missing", sorted(missing)),
            ("have no place in the model", sorted(unexpected)),
        )
        if keys
    ]
    if complaints:
        raise ModelError(
            " and ".join(complaints),
            where=where,
            remedy="save it again; it may be truncated, or belong to another model",
        )


def told_keys(keys: Sequence[str]) -> str:
    """Name the first few tensors, and say how many more there are."""
    more = f" and {len(keys) - _TOLD} more" if len(keys) > _TOLD else ""
    return ", ".join(keys[:_TOLD]) + more
