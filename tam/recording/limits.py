"""The limits of a run: memory, positions, and the length of a reply."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from torch import nn

from tam.capture import Run
from tam.capture.memory import check_free
from tam.capture.settings import generation_settings
from tam.engine.maps import memory_needed
from tam.errors import ConversationError
from tam.families.checkpoint import Checkpoint
from tam.recording.prepared import Prepared


def new_tokens_at_most(
    checkpoint: Checkpoint, prepared: Prepared, options: Mapping[str, Any]
) -> int | None:
    """Return the maximum number of tokens of a reply, or None if there is no limit.

    Parameters
    ----------
    options
        Options of transformers' ``generate``; missing ones come from the checkpoint's settings.
    """
    settings = generation_settings(checkpoint.module, options)
    for source in (options, vars(settings)):
        if source.get("max_new_tokens") is not None:
            return int(source["max_new_tokens"])
        if source.get("max_length") is not None:
            return max(0, int(source["max_length"]) - len(prepared.prompt.ids))
    return None


def check_limits(checkpoint: Checkpoint, prepared: Prepared, new_tokens: int) -> None:
    """Refuse a run that exceeds the free memory or the model's positions, before it starts.

    Parameters
    ----------
    new_tokens
        The maximum number of tokens of the reply.

    Raises
    ------
    ConversationError
        If the prompt needs more positions than the model has.
    ResourceError
        If the maps of all words need more memory than is free.
    """
    length = len(prepared.prompt.ids)
    table = _position_table(checkpoint)
    if table is not None and length > table:
        raise ConversationError(
            f"the prompt has {length:,} tokens, but the model has positions for only {table:,}",
            where="prompt",
            remedy="shorten the text, or show fewer frames or a smaller picture",
        )
    targets, cells = len(prepared.prompt.tokens) + new_tokens, len(prepared.vision.positions)
    # A packed head has no parameters of its own.
    weights = chain(checkpoint.lm_head.parameters(), checkpoint.module.parameters())
    check_free(
        memory_needed(targets, cells),
        next(weights).device,
        f"the maps of {targets:,} words on {cells:,} vision tokens",
    )


def position_notes(checkpoint: Checkpoint, run: Run, prompt_tokens: int) -> list[str]:
    """Return a note if a run went beyond the positions that the model was trained for.

    Positions are counted as the model assigns them: M-RoPE gives a picture fewer positions than
    tokens, and scaled rotary embeddings have a larger range than unscaled ones.

    Parameters
    ----------
    run
        The recorded run.
    prompt_tokens
        The number of tokens of the prompt.
    """
    stated = _stated_range(checkpoint.module.config.get_text_config())
    offset = None if run.prefix_cache is None else run.prefix_cache.offset
    last = prompt_tokens + len(run.ids) + (0 if offset is None else int(offset.max()))
    if stated is None or last <= stated:
        return []
    return [
        f"the conversation has {last:,} positions, but the model's configuration states a range of "
        f"{stated:,}; its words and maps beyond that range may be worse"
    ]


def _stated_range(config: Any) -> int | None:
    """Return the number of positions in a text model's configuration, with rotary scaling."""
    stated = getattr(config, "max_position_embeddings", None)
    if not isinstance(stated, int):
        return None
    scaling = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    if not isinstance(scaling, Mapping) or scaling.get("rope_type", scaling.get("type")) in (
        None,
        "default",
        "mrope",
    ):
        return stated
    original = scaling.get("original_max_position_embeddings") or stated
    return max(stated, int(original * float(scaling.get("factor") or 1)))


def _position_table(checkpoint: Checkpoint) -> int | None:
    """Return the size of the table of learned position embeddings; None if there is none."""
    decoder = checkpoint.adapter.decoder(checkpoint.module)
    words = checkpoint.module.get_input_embeddings()
    # Only direct children: a vision tower further inside has its own tables.
    for name, part in decoder.named_children():
        if not isinstance(part, nn.Embedding) or part is words:
            continue
        if "pos" in name:
            # OPT and related models reserve the first rows for padding.
            return part.num_embeddings - int(getattr(part, "offset", 0))
    return None
