"""Running a model once on a conversation: prepare, answer, record."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tam.capture import PrefixCache, TokenCallback
from tam.capture.memory import memory_errors
from tam.families.checkpoint import Checkpoint
from tam.prompt.conversation import Conversation
from tam.recording.answers import Answer
from tam.recording.prepared import Prepared, prepare
from tam.recording.recording import Recording, check_candidates, record, with_candidates


def run(
    checkpoint: Checkpoint,
    conversation: Conversation | Prepared,
    *,
    answer: Answer = None,
    seed: int | None = None,
    candidate_maps: int = 0,
    prefix_cache: PrefixCache | None = None,
    on_token: TokenCallback | None = None,
    template_variables: Mapping[str, Any] | None = None,
    **options: Any,
) -> Recording:
    """Run the model once on a conversation, and record the run.

    Parameters
    ----------
    checkpoint
        The model that answers.
    conversation
        The turns, the last of which is answered, or a conversation that is already encoded.
    answer, seed, candidate_maps, **options
        As in :meth:`tam.Model.explain`.
    prefix_cache
        The cache of an earlier run of this model (``Recording.run.prefix_cache``), which this run
        consumes. If the conversation continues that run and shows no new picture, only the rest is
        computed.
    on_token
        Called for each token that the model writes, with the states and logits kept so far. An
        exception raised in it ends the run.
    template_variables
        Additional variables of the model's chat template, such as ``enable_thinking``.
    """
    check_candidates(candidate_maps)
    with memory_errors():
        prepared = (
            conversation
            if isinstance(conversation, Prepared)
            else prepare(checkpoint, conversation, template_variables)
        )
        recording = record(checkpoint, prepared, answer, options, seed, prefix_cache, on_token)
        recording = with_candidates(recording, candidate_maps)
    return with_seed(recording, seed)


def with_seed(recording: Recording, seed: int | None) -> Recording:
    """Record the seed of the reply in the provenance."""
    if seed is None:
        return recording
    provenance = {**recording.trace.provenance, "seed": seed}
    return replace(recording, trace=replace(recording.trace, provenance=provenance))
