"""EAGLE: a greedy search for superpixels that are sufficient and necessary for words."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.methods.class_activation import as_matrix
from tam.methods.options import check_whole
from tam.methods.perturbation import Region, shown_alone
from tam.methods.result import Targets, explained, resolve_targets
from tam.methods.superpixels import superpixels
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.text.function_words import is_content
from tam.text.levels import LEVELS, grouped

JOINTS = ("mean", "product")
"""How the probabilities of several words become one."""

_BY_ORDER = 0.01

Objective = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""A function from sets of regions, bool [V, G], to the objective of each, float64 [V]."""

Reader = Callable[[NDArray[np.bool_]], NDArray[np.float32]]
"""A function from sets of shown regions, bool [V, G], to log-probabilities, float32 [V, R]."""


def eagle(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    segments: int = 32,
    scope: int = 8,
    every: int = 8,
    level: str = "token",
    joint: str = "mean",
    batch: int = 16,
) -> Explanation:
    """Add superpixels one by one, at each step the one that makes the best set.

    The objective of a set S is ``F(S) = p(words | S alone) + 1 - p(words | all but S)``:
    sufficiency (insight) and necessity (Chen et al., CVPR 2026, arXiv 2509.22496). In the efficient
    form all remaining superpixels are ranked at every ``every``-th step; in the steps between, only
    the first ``scope`` of that ranking are tried. Hidden superpixels take the picture's mean color.
    A superpixel's height is the share of F that was still to be gained before it was added (defined
    here; the paper shows the order), so heights fall in the order of the search. Maps [K, N] of the
    reply's words. Cost: two forward passes for each set that is tried, and a separate search for
    each token or group of words; about 650 passes a search for the 36 superpixels of a square
    picture, where a set that another search of the reply has tried needs none. The superpixels are
    SLICO's, as in the published code.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    segments
        The approximate number of superpixels of a picture.
    scope, every
        The number of superpixels tried in a step, and the steps between trials of all.
    level
        ``"token"`` for a search for each token, or a level of :mod:`tam.text.levels` for one search
        for each group of content words, whose tokens then share a map; other tokens get none.
    joint
        How the probabilities of a group's words become p: their ``"mean"``, as in the published
        code, or their ``"product"``.
    batch
        The number of pictures in one forward pass.

    Raises
    ------
    InputError
        If an option has an impossible value.
    SetupError
        If scikit-image is missing.
    """
    for name, value in (("segments", segments), ("scope", scope), ("every", every)):
        check_whole(name, value)
    check_whole("batch", batch)
    _check_choice("level", level, ("token", *LEVELS))
    _check_choice("joint", joint, JOINTS)
    asked = resolve_targets(trace, targets, prompt=False)
    cut = superpixels(trace, segments, adaptive=True)
    groups = searches(trace, asked, level)
    rows = []
    read = _remembering(replay, cut.regions, batch)
    for words in groups:
        objective = _objective(trace, read, words, joint)
        order, values = searched(objective, len(cut.regions), scope, every)
        rows += [heights(order, values)] * sum(map(len, words))
    evidence = cut.to_cells(as_matrix(rows, len(cut.regions)))
    method = {"name": "eagle", "segments": segments, "scope": scope, "every": every}
    if level != "token":
        method |= {"level": level, "joint": joint}
    found = [target for words in groups for word in words for target in word]
    return explained(trace, found, evidence, method)


def searches(trace: Trace, asked: Sequence[int], level: str) -> list[list[list[int]]]:
    """Return the words of each search at a level, each word as its requested targets."""
    if level == "token":
        return [[[target]] for target in asked]
    words = {
        number: found
        for number, (text, targets) in trace.text.reply_words.items()
        if is_content(text) and (found := [target for target in targets if target in asked])
    }
    numbers = sorted(words)
    return [[words[numbers[index]] for index in group] for group in grouped(numbers, level)]


def joined(
    read: NDArray[np.float32], words: Sequence[Sequence[int]], joint: str
) -> NDArray[np.float64]:
    """Join the probabilities of words: float64 [V].

    Parameters
    ----------
    read
        float32 [V, R]: the log-probability of each of R tokens in V versions.
    words
        The tokens of each word; a word's probability is the product over its tokens.
    joint
        One of :data:`JOINTS`.
    """
    precise = read.astype(np.float64)
    each = np.exp(np.stack([precise[:, word].sum(1) for word in words], axis=1))
    return np.asarray(each.mean(1) if joint == "mean" else each.prod(1))


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"cannot be {value!r}", where=name, remedy=f"use {', '.join(known)}")


def _remembering(replay: Replay, regions: Sequence[Region], batch: int) -> Reader:
    """Return a reader of the reply that runs each set of shown regions once."""
    known: dict[bytes, NDArray[np.float32]] = {}

    def read(sets: NDArray[np.bool_]) -> NDArray[np.float32]:
        new = {key: row for row in sets if (key := row.tobytes()) not in known}
        if new:
            found = shown_alone(replay, regions, np.stack(list(new.values())), batch)
            known.update(zip(new, found, strict=True))
        return np.stack([known[row.tobytes()] for row in sets])

    return read


def _objective(trace: Trace, read: Reader, words: list[list[int]], joint: str) -> Objective:
    first = trace.text.prompt_targets
    steps = [[target - first for target in word] for word in words]

    def objective(sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        alone, without = np.split(joined(read(np.concatenate([sets, ~sets])), steps, joint), 2)
        return np.asarray(alone + 1 - without)

    return objective


def searched(
    objective: Objective, regions: int, scope: int, every: int
) -> tuple[list[int], list[float]]:
    """Search greedily for the order of regions.

    Returns
    -------
    The regions in the order in which they were added, and the objective before the first and after
    each.
    """
    chosen = np.zeros(regions, bool)
    waiting = list(range(regions))
    order: list[int] = []
    values = [float(objective(chosen[None])[0])]
    while waiting:
        ranking = len(order) % every == 0
        tried = waiting if ranking else waiting[:scope]
        sets = np.repeat(chosen[None], len(tried), 0)
        sets[np.arange(len(tried)), tried] = True
        found = objective(sets)
        best = tried[int(found.argmax())]
        if ranking:
            waiting = [tried[index] for index in np.argsort(-found, kind="stable")]
        waiting.remove(best)
        chosen[best] = True
        order.append(best)
        values.append(float(found.max()))
    return order, values


def heights(order: list[int], values: list[float]) -> NDArray[np.float32]:
    """float32 [G]: the share of the objective still to be gained before each region is added.

    A hundredth of the height falls with the place in the order alone, so that regions added after
    the highest objective are not equal. All are 0 if the objective never rises.
    """
    best = np.maximum.accumulate(values)
    span = best[-1] - best[0]
    found = np.zeros(len(order), np.float32)
    if span > 0:
        left = (best[-1] - best[:-1]) / span
        found[order] = (1 - _BY_ORDER) * left + _BY_ORDER * np.linspace(1, 0, len(order))
    return found
