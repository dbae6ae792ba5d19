"""The measure ``causes``: an explanation compared with the causes of each word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tam.errors import InputError
from tam.evaluate.causes import RELATIONS, Causes, Values, causes, effects
from tam.evaluate.items import Item, Mask
from tam.evaluate.measuring import Line
from tam.evaluate.substitution import WordEffect, relevance_scores, word_effects
from tam.explanation.explanation import Explanation
from tam.text.function_words import is_content

if TYPE_CHECKING:
    from tam.recording.trace import Trace
    from tam.replay import Replay


@dataclass(frozen=True, eq=False)
class Truth:
    """The causes of each token of a reply, which are measured once for all methods.

    Parameters
    ----------
    masks
        bool [H, W] for each of O objects, see :class:`tam.evaluate.items.Removal`.
    objects
        float64 [R, O]: the effect of each object on each token, in nats.
    words
        The effects of earlier words.
    """

    masks: Sequence[Mask]
    objects: Values
    words: Sequence[WordEffect]


def truth(replay: "Replay", item: Item) -> Truth:
    """Measure the causes of a reply: read it without each object, and with earlier words replaced.

    Raises
    ------
    InputError
        If the item's pictures are not rendered, so that no object can be left out.
    """
    removals = item.removals()
    if not removals:
        raise InputError(
            "cannot be rendered without one of its objects",
            where=f"item {item.name}",
            remedy="measure causes on scenes, or on photo splits other than mosaics",
        )
    return Truth(
        [removal.mask for removal in removals],
        effects(replay, [removal.media for removal in removals]),
        word_effects(replay, item.kinds, item.substitutes),
    )


def caused_words(trace: "Trace") -> list[int]:
    """Return the targets of the words whose causes are measured: content words and relations."""
    words = trace.text.reply_words.values()
    return [target for text, targets in words if _counts(text) for target in targets]


def cause_lines(explanation: Explanation, found: Truth) -> list[Line]:
    """Measure how well an explanation finds causes; a line for each content word and relation."""
    lines: list[Line] = []
    for index, word in enumerate(explanation.words):
        if not _counts(word.text):
            continue
        cause = causes(word, found.objects, found.masks)
        ranking, correlation = relevance_scores(word, found.words)
        lines.append(
            {
                "index": index,
                "word": word.text,
                "kind": "cause",
                "split": cause.split,
                "causes": cause.count,
                "effects": [round(effect, 4) for effect in cause.effects],
                "heats": [round(heat, 4) for heat in cause.heats],
                "height": cause.height,
                "cause_hottest": _hottest(cause),
                "cause_auroc": cause.ranking,
                "cause_spearman": cause.correlation,
                "relevance_auroc": ranking,
                "relevance_spearman": correlation,
            }
        )
    return lines


def _hottest(cause: Causes) -> float | None:
    """Whether the hottest object is the only cause; None if there are no or several causes."""
    return None if cause.count != 1 or cause.hottest is None else float(cause.hottest)


def _counts(word: str) -> bool:
    return is_content(word) or word in RELATIONS
