"""The checks of an explanation's words as JSON."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tam.explanation.check import REASONS, Check
from tam.files.fields import Field

# A finite number below every log-probability that a model computes.
_LEAST = -1e9
_LEAST_CONTROLS = 2


def written_checks(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Return the checks as JSON values."""
    return [
        {
            "targets": list(check.targets),
            "filler": check.filler,
            "before": check.before,
            "without": check.without,
            "elsewhere": list(check.elsewhere),
            "reason": check.reason,
            "growth": check.growth,
            "threshold": check.threshold,
        }
        for check in checks
    ]


def read_checks(document: Field, first: int, count: int) -> tuple[Check, ...]:
    """Read the checks of a saved explanation, which may have none.

    Parameters
    ----------
    document
        The whole document.
    first, count
        Index of the reply's first token, and the number of tokens.

    Raises
    ------
    SavedFileError
        If a check is inconsistent.
    """
    if "checks" not in document.object():
        return ()
    return tuple(_check(item, first, count) for item in document["checks"].items())


def _check(item: Field, first: int, count: int) -> Check:
    targets = tuple(target.integer(first, count - 1) for target in item["targets"].items())
    if not targets or any(a >= b for a, b in pairwise(targets)):
        item["targets"].refuse("does not hold ascending indices of tokens")
    values = tuple(value.number(_LEAST, 0) for value in item["elsewhere"].items())
    measured = item["without"].value is not None
    reason = None if measured else item["reason"].text()
    if (reason is not None and reason not in REASONS) or (measured and item["reason"].value):
        item["reason"].refuse(f"is not one of {', '.join(REASONS)}")
    if measured != (len(values) >= _LEAST_CONTROLS) or (values and not measured):
        item["elsewhere"].refuse("does not hold a value for each control")
    return Check(
        targets=targets,
        filler=item["filler"].text(),
        before=item["before"].number(_LEAST, 0),
        without=item["without"].number(_LEAST, 0) if measured else None,
        elsewhere=values,
        reason=reason,
        growth=item["growth"].number(0, 1) if "growth" in item.object() else 0.0,
        threshold=_threshold(item["threshold"]) if "threshold" in item.object() else "otsu",
    )


def _threshold(item: Field) -> float | str:
    return item.text() if item.value == "otsu" else item.number(0, 1)
