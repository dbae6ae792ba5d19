"""Claims of the model's own replies: how many are false, and which scores tell them from others.

Some data sets know which words of a reply are true: the colors and shapes of scenes, the objects of
composites and of COCO's pictures, the answers to yes-or-no questions. A false claim is a word that
the model invented. All figures are of the model, not of a method's maps.

===================  =============================================================================
false_claims         the share of false claims (for objects CHAIR_i, arXiv 1809.02156)
false_reply          the share of replies with a false claim (CHAIR_s)
claim_grounding      AUROC of the grounding score for true claims over false ones
claim_probability    the same of the probability
yes_accuracy         the share of right answers to yes-or-no questions (POPE, arXiv 2305.10355)
yes_precision        the share of right answers among the answers yes
yes_recall           the share of answers yes to questions whose right answer is yes
yes_f1               the harmonic mean of the two
yes_share            the share of answers yes
===================  =============================================================================

As in POPE's own evaluation, a reply means no if its first sentence has the word "no" or "not", and
else yes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.items import Claim, Item
from tam.evaluate.journal import Block
from tam.evaluate.measuring import Line
from tam.evaluate.statistics import Pooled, aurocs, pool
from tam.explanation.word import Word
from tam.recording.grounding import grounding

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.recording.trace import Trace

NAMES = (
    *("false_claims", "false_reply", "claim_grounding", "claim_probability"),
    *("yes_accuracy", "yes_precision", "yes_recall", "yes_f1", "yes_share"),
)
"""The names of all figures."""

_ANSWER = re.compile(r"\b(yes|no|not)\b", re.IGNORECASE)
_OF_ITEMS = (*("false_reply", "yes_accuracy", "yes_precision", "yes_recall", "yes_share"),)
_SCORES = ("grounding", "probability")


def claim_lines(explanation: "Explanation", trace: "Trace", item: Item) -> list[Line]:
    """Return a line for each claim of a reply, with its grounding and its probability.

    Parameters
    ----------
    explanation, trace
        Any method's explanation of the recorded reply, and the recorded run.
    item
        The item with the claims of this reply.
    """
    if not item.claims:
        return []
    scored = replace(explanation, token_grounding=grounding(trace))
    lines: list[Line] = []
    for claim in item.claims:
        word = Word(scored, _targets(scored, claim))
        lines.append(
            {
                "kind": "claim",
                "word": trace.text.reply[claim.start : claim.stop],
                "true": claim.true,
                "grounding": word.grounding,
                "probability": word.probability,
            }
        )
    return lines


def reply_figures(text: str, item: Item) -> Line:
    """Return the figures of a reply that the model wrote; nothing if replies are not judged."""
    if item.judged is None or item.answer is not None:
        return {}
    figures: Line = {"false_reply": float(any(not claim.true for claim in item.claims))}
    if item.yes is not None:
        said = says_yes(text)
        figures |= {
            "yes_accuracy": float(said == item.yes),
            "yes_precision": float(item.yes) if said else None,
            "yes_recall": float(said) if item.yes else None,
            "yes_share": float(said),
        }
    return figures


def says_yes(text: str) -> bool:
    """Whether a reply means yes: its first sentence has no word "no" or "not"."""
    return not any(found.lower() != "yes" for found in _ANSWER.findall(_first_sentence(text)))


def answer_claims(text: str, *, yes: bool) -> list[Claim]:
    """Return the word that answers a yes-or-no question, if there is one: true or false."""
    said = says_yes(text)
    for match in _ANSWER.finditer(_first_sentence(text)):
        if (match.group().lower() == "yes") == said:
            return [Claim(*match.span(), said == yes)]
    return []


def claim_pools(items: Sequence[Block]) -> dict[str, Pooled]:
    """Pool the figures of claims and replies, item by item."""
    pools = {name: pool([_known([block.item.get(name)]) for block in items]) for name in _OF_ITEMS}
    pools["false_claims"] = pool(
        [[float(not line["true"]) for line in _claims(block)] for block in items]
    )
    return pools


def claim_aurocs(
    items: Sequence[Block], drawn: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return for each draw of items how well each score tells true claims from false ones."""

    def told(score: str, *, true: bool) -> list[NDArray[np.float64]]:
        return [
            np.array(_known([line[score] for line in _claims(block) if line["true"] is true]))
            for block in items
        ]

    return {
        f"claim_{score}": aurocs(told(score, true=True), told(score, true=False), drawn)
        for score in _SCORES
    }


def _claims(block: Block) -> list[Line]:
    return [line for line in block.words if line.get("kind") == "claim"]


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _targets(explanation: "Explanation", claim: Claim) -> tuple[int, ...]:
    """Return all targets of the words that a claim overlaps."""
    return tuple(
        target
        for word in explanation.words
        if word.span is not None and word.span[0] < claim.stop and claim.start < word.span[1]
        for target in word.targets
    )


def _first_sentence(text: str) -> str:
    return text.split(".", 1)[0]
