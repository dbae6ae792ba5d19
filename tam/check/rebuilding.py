"""A replay rebuilt from an explanation, to run its conversation through the model again."""

from collections.abc import Iterator, Sequence

import numpy as np

from tam.errors import InputError
from tam.explanation.data import ExplanationData, Prediction
from tam.families.checkpoint import Checkpoint
from tam.media.media import Media
from tam.prompt.conversation import Conversation, Part, TokenizedText, Turn
from tam.recording.prepared import Prepared, prepare
from tam.recording.running import run
from tam.replay import Replay

# The largest difference of log-probabilities that rounding in another batch or kernel can cause.
_ROUNDING = {"float32": 0.02}
_HALF_ROUNDING = 0.5


def rebuilt(checkpoint: Checkpoint, explanation: ExplanationData) -> Replay:
    """Run the conversation of an explanation through its model again, in one pass.

    Raises
    ------
    InputError
        If the model or the pictures differ: the model reads different tokens from those in the
        explanation, or assigns the reply different probabilities.
    """
    prepared = _prepared(checkpoint, explanation)
    first = explanation.prompt_targets
    reply = explanation.tokens[first:]
    begin = len(prepared.prompt.ids)
    if [token.position for token in reply] != list(range(begin, begin + len(reply))):
        raise _other(checkpoint, explanation, "the reply holds special tokens that are not saved")
    recording = run(checkpoint, prepared, answer=[token.id for token in reply])
    _check_probabilities(checkpoint, explanation, recording.trace.predictions)
    return Replay(checkpoint, recording)


def _prepared(checkpoint: Checkpoint, explanation: ExplanationData) -> Prepared:
    """Encode the conversation so that each token has the same position as in the explanation."""
    variables = explanation.provenance.get("template_variables", {})
    for exact in (True, False):
        prepared = prepare(checkpoint, _conversation(explanation, exact=exact), variables)
        found = [(token.id, token.position) for token in prepared.prompt.tokens]
        told = explanation.tokens[: explanation.prompt_targets]
        same_cells = len(prepared.vision.grids) == len(explanation.grids) and all(
            np.array_equal(ours.positions, theirs.positions)
            for ours, theirs in zip(prepared.vision.grids, explanation.grids, strict=True)
        )
        if found == [(token.id, token.position) for token in told] and same_cells:
            return prepared
    raise _other(checkpoint, explanation, "it encodes the conversation as other tokens")


def _conversation(explanation: ExplanationData, *, exact: bool) -> Conversation:
    """Put texts and media in the order of their tokens.

    Parameters
    ----------
    exact
        Pass texts as token ids. Templates that rewrite texts need characters instead.
    """
    shown: dict[tuple[int, int], int] = {}
    for grid in explanation.grids:
        place = (grid.turn, grid.media)
        shown[place] = min(shown.get(place, int(grid.positions[0])), int(grid.positions[0]))
    told = explanation.tokens[: explanation.prompt_targets]
    roles = {token.turn: token.role for token in told}
    turns = []
    for turn in range(max([*roles, *(turn for turn, _ in shown)], default=-1) + 1):
        media = {place: index for (owner, index), place in shown.items() if owner == turn}
        parts = tuple(_parts(explanation, turn, media, exact=exact))
        turns.append(Turn(roles.get(turn, "user"), parts))
    return Conversation(tuple(turns))


def _parts(
    explanation: ExplanationData, turn: int, media: dict[int, int], *, exact: bool
) -> Iterator[Part]:
    """Yield the parts of a turn; a text ends where a picture follows.

    Parameters
    ----------
    media
        Index of each picture of the turn, by the position of its first token.
    """
    told = [t for t in explanation.tokens[: explanation.prompt_targets] if t.turn == turn]
    places = sorted(media)
    for begin, end in zip([-1, *places], [*places, None], strict=True):
        if begin in media:
            item: Media = explanation.media[media[begin]]
            yield item
        run = [t for t in told if t.position > begin and (end is None or t.position < end)]
        text = "".join(token.text for token in run)
        if run:
            ids = tuple(token.id for token in run)
            yield TokenizedText(text, ids) if exact else text.strip()


def _check_probabilities(
    checkpoint: Checkpoint, explanation: ExplanationData, found: Sequence[Prediction]
) -> None:
    """Compare the reply's log-probabilities with the explanation's."""
    now, told = (
        np.log(np.maximum([step.probability for step in steps], 1e-30))
        for steps in (found, explanation.predictions)
    )
    off = float(np.abs(now - told).max())
    if not off <= _ROUNDING.get(str(checkpoint.provenance["dtype"]), _HALF_ROUNDING):
        raise _other(
            checkpoint,
            explanation,
            f"it gives the reply other probabilities (logarithms differ by {off:.2g})",
        )


def _other(checkpoint: Checkpoint, explanation: ExplanationData, what: str) -> InputError:
    told = explanation.provenance.get("model")
    name = f" by {told!r}" if isinstance(told, str) else ""
    return InputError(
        f"this model cannot check the explanation{name}: {what}",
        where=str(checkpoint.provenance["model"]),
        remedy="give the model that was explained, in the same dtype, and the explanation as it "
        "was saved",
    )
