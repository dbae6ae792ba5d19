"""Checks of whether the model used what the maps of its words mark."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tam.check.fillers import check_filler
from tam.check.reading import BATCH, read_without
from tam.check.rebuilding import rebuilt
from tam.check.regions import LARGEST, Region, elsewhere, grown, marked
from tam.defaults import FILLER, GROWTH
from tam.errors import InputError
from tam.explanation.check import Check
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Word
from tam.families.checkpoint import Checkpoint
from tam.render.selection import chosen_words
from tam.text.function_words import is_content

__all__ = ["check"]

CONTROLS = 8
"""The number of control regions, which have the shape of the marked region."""

_FIXED_PASSES = 2  # one to record the reply, one to read it with the whole picture


@dataclass(frozen=True, eq=False)
class _Plan:
    """A word with the regions that are hidden for it.

    Parameters
    ----------
    regions
        The widened region, then its controls; empty if the word cannot be checked.
    reason
        Why it cannot be checked, see :data:`tam.explanation.check.REASONS`.
    """

    word: Word
    regions: tuple[Region, ...]
    reason: str | None = None


def words_to_check(
    explanation: Explanation, words: Sequence[Choice] | None = None, top: int | None = None
) -> tuple[Word, ...]:
    """Return the words that are checked.

    Parameters
    ----------
    words
        Words, their indices or texts; None for all content words of the reply.
    top
        Check only this many of them, those with the highest maps.

    Raises
    ------
    InputError
        If the reply has no such word, or ``top`` is below 1.
    """
    if top is not None and top < 1:
        raise InputError(f"top {top} is not possible", where="check", remedy="give 1 or more")
    if words is None:
        found = tuple(word for word in explanation.words if is_content(word.text))
    else:
        found = chosen_words(explanation, words)
    if top is None:
        return found
    return tuple(sorted(found, key=lambda word: -(word.visual or 0))[:top])


def passes(
    explanation: Explanation,
    words: Sequence[Choice] | None = None,
    *,
    top: int | None = None,
    controls: int = CONTROLS,
    growth: float = GROWTH,
    threshold: float | str = "otsu",
    seed: int = 0,
) -> int:
    """Return the number of passes over prompt and reply that :func:`check` makes."""
    rule = _Rule(controls, growth, threshold, seed)
    plans = [_plan(word, rule) for word in words_to_check(explanation, words, top)]
    return _FIXED_PASSES + sum(len(plan.regions) for plan in plans)


def check(
    checkpoint: Checkpoint,
    explanation: Explanation,
    words: Sequence[Choice] | None = None,
    *,
    top: int | None = None,
    filler: str = FILLER,
    growth: float = GROWTH,
    threshold: float | str = "otsu",
    controls: int = CONTROLS,
    batch: int = BATCH,
    seed: int = 0,
) -> Explanation:
    """Hide what each word's map marks, then other regions of its shape, and read the reply again.

    Cost: one pass for the marked region and one for each control of each word, and two more; see
    :func:`passes`.

    Parameters
    ----------
    checkpoint
        The model that was explained.
    explanation
        Its explanation, new or opened from a file.
    words, top
        As in :func:`words_to_check`.
    filler
        The replacement of hidden pixels, see :mod:`tam.check.fillers`.
    growth
        How far beyond its edge the marked region is hidden, as a share of the picture's shorter
        side; the controls have the shape of the widened region.
    threshold
        The height from which a map marks a pixel, see :func:`tam.check.regions.marked`.
    controls
        The number of other regions of the same shape that are hidden, 8 or more.
    batch
        The largest number of passes that run together, if memory allows.
    seed
        Seed of the random choice of the controls' places.

    Returns
    -------
    The explanation with its ``checks``; those of other words are kept.

    Raises
    ------
    InputError
        If an option is out of range, or another model was explained.
    """
    check_filler(filler)
    if not 0 <= growth <= 1:
        raise InputError(
            f"growth {growth} is not possible", where="check", remedy="give a share from 0 to 1"
        )
    if threshold != "otsu" and (isinstance(threshold, str) or not 0 < threshold <= 1):
        raise InputError(
            f"unknown threshold {threshold!r}",
            where="check",
            remedy="give 'otsu' or a share of the map's maximum, above 0 and up to 1",
        )
    if controls < CONTROLS:
        raise InputError(
            f"{controls} controls are too few",
            where="check",
            remedy=f"give {CONTROLS} or more",
        )
    if batch < 1:
        raise InputError(f"batch {batch} is not possible", where="check", remedy="give 1 or more")
    rule = _Rule(controls, growth, threshold, seed)
    plans = [_plan(word, rule) for word in words_to_check(explanation, words, top)]
    replay = rebuilt(checkpoint, explanation)
    regions = [region for plan in plans for region in plan.regions]
    lines = iter(read_without(replay, regions, filler, batch))
    whole = next(lines)
    found: dict[tuple[int, ...], Check] = {item.targets: item for item in explanation.checks}
    for plan in plans:
        targets = plan.word.targets
        steps = [target - explanation.prompt_targets for target in targets]
        values = [float(next(lines)[steps].sum()) for _ in plan.regions]
        found[targets] = Check(
            targets=targets,
            filler=filler,
            before=float(whole[steps].sum()),
            without=values[0] if values else None,
            elsewhere=tuple(values[1:]),
            reason=plan.reason,
            growth=growth,
            threshold=threshold,
        )
    return replace(explanation, checks=tuple(found[targets] for targets in sorted(found)))


@dataclass(frozen=True)
class _Rule:
    """The options that decide which regions are hidden, see :func:`check`."""

    controls: int
    growth: float
    threshold: float | str
    seed: int


def _plan(word: Word, rule: _Rule) -> _Plan:
    mark = marked(word, rule.threshold)
    if mark is None:
        return _Plan(word, (), "no-evidence")
    seen = word.explanation.coverage(mark.media)
    region = Region(mark.media, grown(mark, rule.growth).mask & seen)
    if region.mask.mean() > LARGEST * seen.mean():
        return _Plan(word, (), "too-large")
    others = elsewhere(region.mask, seen, rule.controls, rule.seed)
    if len(others) < rule.controls:
        return _Plan(word, (), "no-room")
    return _Plan(word, (region, *(Region(region.media, mask) for mask in others)))
