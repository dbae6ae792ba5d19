"""A prepared conversation: encoded, with its pictures and words found in the model's input."""

from dataclasses import dataclass, replace

import numpy as np

from tam import capture
from tam.errors import ConversationError
from tam.families.adapter import Encoded, PlacedMedia
from tam.families.checkpoint import Checkpoint
from tam.geometry.layout import VisionLayout
from tam.prompt.conversation import Conversation
from tam.prompt.encoding import Prompt, encode
from tam.prompt.known_ids import marker_texts


@dataclass(frozen=True, eq=False)
class Prepared:
    """A conversation, encoded and laid out.

    Parameters
    ----------
    conversation
        Its last turn is to be answered.
    prompt
        What the model reads.
    vision
        Where its pictures are in that.
    """

    conversation: Conversation
    prompt: Prompt
    vision: VisionLayout

    @property
    def request(self) -> capture.Request:
        """The same for the run: the states of all cells and of all words are wanted."""
        words = np.array([token.context_position for token in self.prompt.tokens], np.int64)
        return capture.Request(self.prompt.inputs, np.union1d(self.vision.positions, words))


def prepare(checkpoint: Checkpoint, conversation: Conversation) -> Prepared:
    """Encode a conversation, and find its pictures and words in the model's input.

    Raises
    ------
    ConversationError
        If it shows nothing.
    """
    prompt = encode(checkpoint.processor, conversation, checkpoint.adapter)
    media = [PlacedMedia(item, turn) for turn, item in conversation.media]
    if not media:
        raise ConversationError(
            "there is no picture", where="conversation", remedy="give at least one"
        )
    # What is kept of them is what the model reads, not twice as much.
    prompt = replace(prompt, inputs=capture.in_its_dtype(checkpoint.module, prompt.inputs))
    encoded = Encoded(
        prompt.ids, prompt.arrays, media, checkpoint.module.config, checkpoint.processor
    )
    return Prepared(conversation, prompt, checkpoint.adapter.vision_layout(encoded))


def special_ids(checkpoint: Checkpoint) -> set[int]:
    """Ids of the tokens that are no words: ends, markers, placeholders."""
    tokenizer = checkpoint.tokenizer
    ends = checkpoint.module.generation_config.eos_token_id
    special = set(tokenizer.convert_tokens_to_ids(sorted(marker_texts(checkpoint.processor))))
    return special | set(ends if isinstance(ends, list) else [ends])
