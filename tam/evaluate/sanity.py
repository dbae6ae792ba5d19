"""Sanity checks: whether a map is stable, and whether it depends on what the model learned.

Both explain the same reply again under teacher forcing: once on pictures with a little noise
(sensitivity), once with the model's weights shuffled (randomized).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tam.evaluate.faithfulness import noisy, rank_correlation, sensitivity
from tam.evaluate.measuring import ScoredWords, first_shown
from tam.evaluate.rerun import shuffled_weights
from tam.evaluate.stacking import stacked_map
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.methods import explain
from tam.replay import Replay
from tam.replay.replay import with_media

if TYPE_CHECKING:
    from tam.model.model import Model
    from tam.recording.recording import Recording

NOISY = 2
"""The number of noisy pictures; the map that differs most counts."""


@dataclass(frozen=True)
class Changed:
    """One method's explanations of a reply with noisy pictures, and with shuffled weights."""

    noisy: tuple[Explanation, ...]
    shuffled: Explanation


def changed_runs(
    model: "Model", recording: "Recording", methods: Sequence[str], targets: Sequence[int]
) -> Mapping[str, Changed]:
    """Explain the recorded reply on noisy pictures and with a shuffled model, by each method.

    This costs three forward passes, and three times each method's own cost.
    """
    conversation, reply = recording.prepared.conversation, recording.run.ids.tolist()
    noisy_runs = []
    for seed in range(NOISY):
        media = [replace(item, frames=noisy(item.frames, seed)) for _, item in conversation.media]
        noisy_runs.append(model.run(with_media(conversation, media), answer=reply))
    on_noise = {
        method: tuple(_explained(model, run, method, targets) for run in noisy_runs)
        for method in methods
    }
    with shuffled_weights(model):
        run = model.run(conversation, answer=reply)
        return {
            method: Changed(on_noise[method], _explained(model, run, method, targets))
            for method in methods
        }


def add_sanity(
    lines: Sequence[dict[str, Any]],
    explanation: Explanation,
    found: ScoredWords,
    changed: Changed,
    *,
    words: int,
) -> None:
    """Add both measures to the lines of the first true object words that are shown."""
    for line in first_shown(lines, words):
        tokens = found.tokens[line["index"]]
        heat = stacked_map(Word(explanation, tokens))
        others = [stacked_map(Word(other, tokens)) for other in changed.noisy]
        line["sensitivity"] = sensitivity(heat, others)
        line["randomized"] = rank_correlation(heat, stacked_map(Word(changed.shuffled, tokens)))


def _explained(
    model: "Model", recording: "Recording", method: str, targets: Sequence[int]
) -> Explanation:
    return explain(method, recording.trace, Replay(model.checkpoint, recording), targets)
