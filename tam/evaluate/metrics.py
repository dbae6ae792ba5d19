"""The table of metrics. Reading it imports nothing; other packages can add metrics to it.

An added metric is a function ``(heat, mask)`` of a word's map, float32 [H, W] in [0, 1], and the
mask of its object, bool [H, W], that returns a number; see :mod:`tam.extensions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError, NumericsError
from tam.extensions import METRICS as GROUP
from tam.extensions import description_of, extensions
from tam.text.levels import LEVELS
from tam.text.nearest import suggestion

__all__ = ["METRICS", "Metric"]

OfMap = Callable[[NDArray[np.float32], NDArray[np.bool_]], float]
"""A metric of one word: its map and its object's mask."""


@dataclass(frozen=True)
class Metric:
    """A figure that ``tam evaluate`` reports.

    Parameters
    ----------
    name
        Its key in the results.
    title
        Its display name.
    column
        Its heading in the tables; empty if it is only in the JSON file.
    source
        Its publication; empty for one of the toolkit's own.
    cost
        Its cost in addition to the maps.
    less_is_better
        Whether lower values are better.
    package
        The package that adds it; empty for a metric of the toolkit.
    error
        Why it cannot be used; empty if it can be.
    """

    name: str
    title: str
    column: str = ""
    source: str = ""
    cost: str = "nothing"
    less_is_better: bool = False
    package: str = ""
    error: str = ""


_TAM, _ENERGY, _RISE = "arXiv 2506.23270", "arXiv 1910.01279", "arXiv 1806.07421"
_WITHOUT = "1 forward without each object (--causes)"
_REWORDED = "2 forward for each earlier word of a kind (--causes)"
_EAGLE = "arXiv 2509.22496"
_DAVIS = "doi 10.1109/CVPR.2016.85"
_CHAIR, _POPE = "arXiv 1809.02156", "arXiv 2305.10355"
_LEVEL = "2 forward a step, for each group of words (--levels)"
_CORRECTED = "40 forward for each false word and each right one, with --corrections"
_CURVE = "1 forward a step of the curve, for the first words of each item"

_TABLE = (
    Metric("f1_iou", "F1-IoU", "F1-IoU", _TAM),
    Metric("obj_iou", "Obj-IoU", "Obj-IoU", _TAM),
    Metric("func_iou", "Func-IoU", "Func-IoU", _TAM),
    Metric("precision", "precision", "", _TAM),
    Metric("recall", "recall", "", _TAM),
    Metric("best_iou", "IoU at the best threshold", "best IoU"),
    Metric("fixed_iou", "IoU at half the maximum"),
    Metric("pointing", "pointing game", "pointing", "arXiv 1608.00507"),
    Metric("energy", "energy pointing", "energy", _ENERGY),
    Metric("clip_region", "J: overlap of region and object in a clip's frames", "", _DAVIS),
    Metric("clip_contour", "F: agreement of their contours", "", _DAVIS),
    Metric("clip_both", "J&F: the mean of the two", "J&F", _DAVIS),
    Metric("clip_steady", "overlap of neighboring frames' masks", "steady"),
    Metric("insertion", "insertion", "insertion", _RISE, _CURVE),
    Metric("deletion", "deletion", "deletion", _RISE, _CURVE, less_is_better=True),
    Metric(
        "sensitivity",
        "sensitivity to noise",
        "sensitivity",
        "arXiv 1901.09392",
        "the method twice more (--sanity)",
        less_is_better=True,
    ),
    Metric(
        "randomized",
        "correlation with shuffled weights",
        "randomized",
        "arXiv 1810.03292",
        "the method once more (--sanity)",
        less_is_better=True,
    ),
    Metric("cause_hottest", "the hottest object is the one cause", "cause", "", _WITHOUT),
    Metric("cause_auroc", "AUROC of heat for causes, within the word", "cause AUROC", "", _WITHOUT),
    Metric("cause_spearman", "correlation of heat and effect", "cause ρ", "", _WITHOUT),
    Metric("cause_height", "AUROC of height for any cause", "height AUROC", "", _WITHOUT),
    Metric("cause_auroc_first", "cause AUROC, first mentions", "", "", _WITHOUT),
    Metric("cause_auroc_repeated", "cause AUROC, repeated words", "", "", _WITHOUT),
    Metric("cause_auroc_relation", "cause AUROC, relations", "", "", _WITHOUT),
    Metric("relevance_auroc", "AUROC of relevance for causes", "text AUROC", "", _REWORDED),
    Metric("relevance_spearman", "correlation of relevance, effect", "text ρ", "", _REWORDED),
    *(
        Metric(
            f"{level}_{figure}",
            title.format(level),
            f"{level} {column}",
            _EAGLE,
            _LEVEL,
            less_is_better=figure == "deletion",
        )
        for level in LEVELS
        for figure, column, title in (
            ("insertion", "ins.", "{}: area as its picture is revealed"),
            ("deletion", "del.", "{}: area as its picture is hidden"),
            ("highest", "max.", "{}: average highest confidence"),
        )
    ),
    Metric(
        "correction_region",
        "average minimal correction region",
        "AMCR",
        _EAGLE,
        _CORRECTED,
        less_is_better=True,
    ),
    Metric("correction_success", "corrected within 10 %", "CSR@10 %", _EAGLE, _CORRECTED),
    Metric(
        "flips",
        "words that change without the hottest eighth",
        "flips",
        "",
        "1 forward for each content word (--flips)",
    ),
    Metric(
        "own_point",
        "share of the picture cooler than the model's own place",
        "own place",
        "",
        "1 answer for each object (--points)",
    ),
    Metric("false_claims", "false claims", "false claims", _CHAIR, less_is_better=True),
    Metric(
        "false_reply", "replies with a false claim", "false replies", _CHAIR, less_is_better=True
    ),
    Metric("claim_grounding", "AUROC of grounding for true claims", "grounding AUROC"),
    Metric("claim_probability", "AUROC of probability for true claims", "prob. AUROC"),
    Metric("yes_accuracy", "right answers to yes-or-no questions", "accuracy", _POPE),
    Metric("yes_precision", "right ones among answers yes", "precision", _POPE),
    Metric("yes_recall", "answers yes where yes is right", "recall", _POPE),
    Metric("yes_f1", "their harmonic mean", "F1", _POPE),
    Metric("yes_share", "answers yes", "", _POPE),
    Metric("rouge_l", "ROUGE-L", "", "ACL W04-1013"),
    Metric("meteor", "METEOR", "", "ACL W05-0909"),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Every metric of the toolkit, by name."""

_KEYS = {
    *("index", "word", "kind", "false", "probability", "iou", "iou_curve", "chance"),
    *("split", "causes", "effects", "heats", "height"),
    *("level", "words", "shares", "inserted", "deleted", "right"),
    *("true", "grounding"),
}
"""The other keys of a line of the results, which no added metric may use as its name."""


def listed_metrics() -> list[Metric]:
    """Return the toolkit's metrics, then those of other packages, without importing any."""
    return [*METRICS.values(), *(_row(found) for found in extensions(GROUP, _taken()))]


def metric_named(name: str) -> Metric:
    """Return a metric by name; another package's metric is imported.

    Raises
    ------
    InputError
        If there is no metric of that name.
    SetupError
        If the package that adds it cannot be imported.
    """
    return METRICS[name] if name in METRICS else _added(name)[0]


def metric_function(name: str) -> OfMap:
    """Return the function of a metric that another package adds, with its results checked.

    Raises
    ------
    InputError
        If no package adds one of that name.
    SetupError
        If the package cannot be imported.
    """
    function = _added(name)[1]

    def checked(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
        value = function(heat, mask)
        if not isinstance(value, int | float | np.floating) or not np.isfinite(value):
            raise NumericsError(
                f"returned {value!r}", where=f"metric {name}", remedy="return a finite number"
            )
        return float(value)

    return checked


@cache
def _added(name: str) -> tuple[Metric, OfMap]:
    found = extensions(GROUP, _taken())
    for extension in found:
        if extension.name == name:
            function = extension.load()
            return _row(extension, function), function
    names = [extension.name for extension in found]
    own = " (the toolkit's own are always measured)" if name in METRICS else ""
    raise InputError(
        f"no package adds a metric {name!r}{own}",
        where="metrics",
        remedy=suggestion(name, names, otherwise="there are") + "; see 'tam metrics'",
    )


def _taken() -> set[str]:
    return {*METRICS, *_KEYS}


def _row(extension: Any, function: OfMap | None = None) -> Metric:
    said = description_of(function)
    return Metric(
        extension.name,
        said.summary or extension.name,
        extension.name,
        said.source,
        said.cost or ("nothing" if function else ""),
        said.less_is_better,
        extension.package,
        extension.error,
    )
