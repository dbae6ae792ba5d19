"""Summary of results: means with paired bootstrap intervals, and significant differences."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.cause_summary import cause_pools, heights
from tam.evaluate.claims import claim_aurocs, claim_pools
from tam.evaluate.clip_masks import NAMES as CLIPS
from tam.evaluate.curves import NAMES as CURVES
from tam.evaluate.journal import Block
from tam.evaluate.localization import LEVELS
from tam.evaluate.metrics import METRICS
from tam.evaluate.protocol import f1_iou
from tam.evaluate.scene_items import SCENE_SPLITS
from tam.evaluate.statistics import Interval, Pooled, draws, interval, pool, wilcoxon_p

FIXED_LEVEL = 0.5
ALL = "all"

_OF_WORDS = (
    *("pointing", "energy", "insertion", "deletion", "sensitivity", "randomized"),
    *CLIPS,
    *CURVES,
    *("correction_region", "correction_success", "flips", "own_point"),
)
_LEVEL = "level-"
"""Prefix of the names under which the mean IoU at each threshold is pooled."""


@dataclass(frozen=True)
class Row:
    """Figures of one method with one model on one split.

    Parameters
    ----------
    model, method, split
        ``split`` is ``ALL`` for all splits together.
    items, words
        The number of measured items, and of measured words with a mask.
    false_words
        The number of false words whose correction was measured.
    claims
        The number of words of the model's own replies that are known to be true or false.
    measured
        By figure, the number of items that it was measured on, if that can differ from ``items``.
    figures
        The figures by metric name, without those that were never defined.
    differences
        The figures minus the reference method's, on the same draws; empty for the reference.
    p_values
        Two-sided Wilcoxon signed-rank test of the items' means against the reference's.
    seconds_per_word
        Seconds that the method took for each token that it explained, without the recorded run;
        None if it had none to explain.
    """

    model: str
    method: str
    split: str
    items: int
    words: int
    false_words: int
    claims: int
    measured: dict[str, int]
    figures: dict[str, Interval]
    differences: dict[str, Interval]
    p_values: dict[str, float]
    seconds_per_word: float | None


def summarize(
    found: Sequence[Block], methods: Sequence[str], metrics: Sequence[str] = ()
) -> list[Row]:
    """Summarize the results of all models and methods.

    Items without results for every method are left out, so that all are compared on the same items.

    Parameters
    ----------
    found
        From :func:`tam.evaluate.journal.blocks`.
    methods
        The methods in order; the first is the reference that the others are compared with.
    metrics
        Names of metrics that other packages add.
    """
    rows = []
    for model in dict.fromkeys(block.item["model"] for block in found):
        by_method: dict[str, dict[str, Block]] = {method: {} for method in methods}
        for block in found:
            if block.item["model"] == model and block.item["method"] in by_method:
                by_method[block.item["method"]][block.item["item"]] = block
        shared = sorted(set.intersection(*(set(items) for items in by_method.values())))
        some = next(iter(by_method.values()))
        splits = sorted({some[name].item["split"] for name in shared}, key=_place)
        for split in [ALL, *splits] if len(splits) > 1 else splits:
            names = [n for n in shared if split in (ALL, some[n].item["split"])]
            chosen = {method: [items[n] for n in names] for method, items in by_method.items()}
            rows += _rows(model, split, chosen, methods[0], metrics)
    return rows


def _place(split: str) -> tuple[int, str]:
    """Sort key of a split: the scenes' splits by difficulty, others by name."""
    known = list(SCENE_SPLITS)
    return (known.index(split) if split in known else len(known)), split


def _rows(
    model: str,
    split: str,
    chosen: dict[str, list[Block]],
    reference: str,
    added: Sequence[str],
) -> list[Row]:
    count = len(next(iter(chosen.values())))
    drawn = draws(count)
    pools = {method: _pools(items, added) for method, items in chosen.items()}
    means = {
        method: {
            **_means(found, drawn),
            "cause_height": heights(chosen[method], drawn),
            **claim_aurocs(chosen[method], drawn),
        }
        for method, found in pools.items()
    }
    rows = []
    for method, items in chosen.items():
        compared = method != reference
        other = means[reference] if compared else {}
        rows.append(
            Row(
                model=model,
                method=method,
                split=split,
                items=count,
                words=int(pools[method]["pointing"].counts.sum()),
                false_words=int(pools[method]["correction_region"].counts.sum()),
                claims=int(pools[method]["false_claims"].counts.sum()),
                measured={
                    name: int((found.counts > 0).sum()) for name, found in pools[method].items()
                },
                figures=_defined(means[method]),
                differences=_defined(
                    {n: means[method][n] - other[n] for n in means[method] if n in other}
                ),
                p_values={
                    name: wilcoxon_p(pools[method][name], pools[reference][name])
                    for name in pools[method]
                    if compared and not name.startswith(_LEVEL) and pools[method][name].counts.any()
                },
                seconds_per_word=_seconds(items),
            )
        )
    return rows


def _seconds(items: Sequence[Block]) -> float | None:
    """Return the median, because the first items include warm-up time."""
    explained = [block.item for block in items if block.item["targets"]]
    return median(item["seconds"] / item["targets"] for item in explained) if explained else None


def _pools(items: Sequence[Block], added: Sequence[str]) -> dict[str, Pooled]:
    """Pool each measure's values, item by item."""

    def of_items(name: str) -> Pooled:
        return pool([_listed(block.item.get(name)) for block in items])

    def of_words(name: str, value: Callable[[Any], float] = float) -> Pooled:
        return pool(
            [
                [value(word[name]) for word in block.words if word.get(name) is not None]
                for block in items
            ]
        )

    pools = {
        name: of_items(name)
        for name in ("obj_iou", "func_iou", "precision", "recall", "rouge_l", "meteor")
    }
    pools |= {name: of_words(name) for name in (*_OF_WORDS, *added)}
    pools |= cause_pools(items) | claim_pools(items)
    pools["fixed_iou"] = of_words("iou_curve", itemgetter(LEVELS.index(FIXED_LEVEL)))
    for number in range(len(LEVELS)):
        pools[f"{_LEVEL}{number}"] = of_words("iou_curve", itemgetter(number))
    both = [(_listed(block.item["obj_iou"]), _listed(block.item["func_iou"])) for block in items]
    pools["f1_iou"] = pool([[f1_iou(fmean(o), fmean(f))] if o and f else [] for o, f in both])
    return pools


def _means(pools: dict[str, Pooled], drawn: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Compute each figure on all draws; F1-IoU and F1 use the data set's means, not the items'."""
    means = {name: pool.means(drawn) for name, pool in pools.items()}
    levels = np.stack([means.pop(f"{_LEVEL}{number}") for number in range(len(LEVELS))])
    # The threshold is chosen once per method, on all items, not anew on each draw.
    first = levels[:, 0]
    best = 0 if np.isnan(first).all() else int(np.nanargmax(first))
    means["f1_iou"] = _harmonic(means["obj_iou"], means["func_iou"])
    means["yes_f1"] = _harmonic(means["yes_precision"], means["yes_recall"])
    return {**means, "best_iou": levels[best]}


def _harmonic(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    total = one + other
    return np.asarray(2 * one * other / np.where(total > 0, total, np.nan))


def _defined(means: dict[str, NDArray[np.float64]]) -> dict[str, Interval]:
    # The toolkit's own metrics in the order of their table, then the added ones.
    names = [*(name for name in METRICS if name in means), *(n for n in means if n not in METRICS)]
    found = {name: interval(means[name]) for name in names}
    return {name: value for name, value in found.items() if not math.isnan(value.value)}


def _listed(value: Any) -> list[float]:
    if value is None:
        return []
    return [
        float(one) for one in (value if isinstance(value, list) else [value]) if one is not None
    ]
