"""Whether a generated reply ended by itself or was cut at a limit."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers.generation.stopping_criteria import (
    EosTokenCriteria,
    MaxLengthCriteria,
    MaxTimeCriteria,
    StopStringCriteria,
)

from tam.capture.settings import generation_settings
from tam.families.checkpoint import Checkpoint


def cut_note(tokens: int, limit: int | None) -> str:
    """Return the note on a reply that was cut.

    Parameters
    ----------
    tokens
        The number of tokens of the reply.
    limit
        The maximum number of new tokens, or None.
    """
    if limit is not None and tokens >= limit:
        return (
            f"the reply was cut at {limit:,} new tokens and is not finished; allow more "
            "(--max-new-tokens)"
        )
    return f"the reply was cut after {tokens:,} tokens by a limit of the run and is not finished"


def is_cut(
    checkpoint: Checkpoint,
    reply: Sequence[int],
    limit: int | None,
    options: Mapping[str, Any],
) -> bool | None:
    """Whether a generated reply was ended by a limit of tokens or time.

    Parameters
    ----------
    reply
        Its token ids, special tokens included.
    limit
        The result of :func:`tam.recording.limits.new_tokens_at_most`.
    options
        Options of transformers' ``generate``.

    Returns
    -------
    bool or None
        None if one of the caller's own stopping criteria may have ended the reply, because its
        reason is unknown.
    """
    if not len(reply) or _ended_by_itself(checkpoint, reply, options):
        return False
    if limit is not None and len(reply) >= limit:
        return True
    criteria = list(options.get("stopping_criteria") or ())
    if not all(isinstance(criterion, _KNOWN) for criterion in criteria):
        return None
    settings = generation_settings(checkpoint.module, options)
    timed = options.get("max_time", settings.max_time) is not None
    return timed or any(isinstance(criterion, _LIMITS) for criterion in criteria)


def stop_strings(checkpoint: Checkpoint, options: Mapping[str, Any]) -> list[str]:
    """Return the stop strings of a reply, from the options or the checkpoint's settings."""
    settings = generation_settings(checkpoint.module, options)
    stops = options.get("stop_strings", getattr(settings, "stop_strings", None)) or []
    return [stops] if isinstance(stops, str) else list(stops)


_LIMITS = (MaxLengthCriteria, MaxTimeCriteria)
_KNOWN = (*_LIMITS, EosTokenCriteria, StopStringCriteria)


def _ended_by_itself(
    checkpoint: Checkpoint, reply: Sequence[int], options: Mapping[str, Any]
) -> bool:
    """Whether a reply ends with an end token or contains a stop string."""
    settings = generation_settings(checkpoint.module, options)
    eos = options.get("eos_token_id", settings.eos_token_id)
    ends = set() if eos is None else set(torch.as_tensor(eos).flatten().tolist())
    stops = stop_strings(checkpoint, options)
    for criterion in options.get("stopping_criteria") or ():
        if isinstance(criterion, EosTokenCriteria):
            ends.update(criterion.eos_token_id.tolist())
        elif isinstance(criterion, StopStringCriteria):
            stops.extend(criterion.stop_strings)
    if int(reply[-1]) in ends:
        return True
    if not stops:
        return False
    text = checkpoint.tokenizer.decode(list(map(int, reply)), skip_special_tokens=False)
    return any(stop in text for stop in stops)
