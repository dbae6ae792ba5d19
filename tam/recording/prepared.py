"""A prepared conversation: encoded, with its pictures and words located in the model's input."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tam import capture
from tam.capture.memory import memory_errors
from tam.capture.refusals import FOREIGN_ERRORS, one_line
from tam.errors import ConversationError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.checkpoint import Checkpoint
from tam.families.processor import Processor
from tam.geometry.layout import VisionLayout
from tam.prompt.conversation import Conversation
from tam.prompt.encoding import Prompt, encode
from tam.prompt.known_ids import marker_texts


@dataclass(frozen=True, eq=False)
class Prepared:
    """An encoded conversation with its layout.

    Parameters
    ----------
    conversation
        The turns; the last one is to be answered.
    prompt
        The encoded input of the model.
    vision
        The vision tokens in the prompt and the cells that they cover.
    template_variables
        Additional chat-template variables that it was encoded with.
    """

    conversation: Conversation
    prompt: Prompt
    vision: VisionLayout
    template_variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> capture.Request:
        """The request for a run that keeps the states of all cells and words."""
        words = np.array([token.context_position for token in self.prompt.tokens], np.int64)
        return capture.Request(self.prompt.inputs, np.union1d(self.vision.in_sequence, words))


def prepare(
    checkpoint: Checkpoint,
    conversation: Conversation,
    template_variables: Mapping[str, Any] | None = None,
) -> Prepared:
    """Encode a conversation, and locate its pictures and words in the model's input.

    Parameters
    ----------
    checkpoint
        The model that is to answer.
    conversation
        The turns; the last one is to be answered.
    template_variables
        Additional chat-template variables, as in :func:`tam.prompt.encoding.encode`.

    Raises
    ------
    ConversationError
        If it shows no picture or clip, or the model's processor cannot encode it.
    """
    variables = dict(template_variables or {})
    with _processor_errors(checkpoint.processor):
        prompt = encode(checkpoint.processor, conversation, checkpoint.adapter, variables)
    media = [PlacedMedia(item, turn) for turn, item in conversation.media]
    if not media:
        raise ConversationError(
            "the conversation shows no picture", where="conversation", remedy="give at least one"
        )
    # Cast early, because the processor's float32 pixels take twice the memory of half precision.
    prompt = replace(prompt, inputs=capture.in_its_dtype(checkpoint.module, prompt.inputs))
    encoded = Encoded(
        prompt.ids, prompt.arrays, media, checkpoint.module.config, checkpoint.processor
    )
    return Prepared(conversation, prompt, checkpoint.adapter.vision_layout(encoded), variables)


@contextmanager
def _processor_errors(processor: Processor) -> Iterator[None]:
    """Convert errors of the model's processor to one clear error."""
    try:
        with memory_errors():
            yield
    except FOREIGN_ERRORS as error:
        raise ConversationError(
            f"the model's processor cannot encode this conversation ({one_line(error)})",
            where=type(processor).__name__,
            remedy="try another picture or prompt; if none works, the processor's files do not "
            "match the model",
        ) from error


def special_ids(checkpoint: Checkpoint) -> set[int]:
    """Return the ids of the special tokens: end tokens, markers and placeholders."""
    tokenizer = checkpoint.tokenizer
    ends = checkpoint.module.generation_config.eos_token_id
    # A placeholder that the processor replaces before tokenization is a marker without an id.
    markers = sorted(marker_texts(checkpoint.processor))
    special = set(tokenizer.convert_tokens_to_ids(markers)) - {None}
    return special | set(ends if isinstance(ends, list) else [ends])
