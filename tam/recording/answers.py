"""Conversion of a given reply, text or token ids, to checked token ids."""

import operator
import reprlib
from collections.abc import Sequence
from typing import Any

from tam.errors import ConversationError
from tam.families.checkpoint import Checkpoint
from tam.prompt.conversation import check_text
from tam.prompt.known_ids import plain_ids

Answer = str | Sequence[int] | None
"""A given reply as text or token ids, or None if the model is to write one."""


def answer_ids(checkpoint: Checkpoint, answer: str | Sequence[int]) -> list[int]:
    """Return the token ids of a reply.

    Raises
    ------
    ConversationError
        If it has no tokens, or contains an id outside the model's vocabulary.
    """
    if isinstance(answer, str):
        check_text(answer, "answer")
        ids = plain_ids(checkpoint.tokenizer, answer)
    else:
        ids = _given_ids(answer)
    embedding: Any = checkpoint.module.get_input_embeddings()
    size = embedding.num_embeddings
    if not ids or not all(0 <= token < size for token in ids):
        raise ConversationError(
            "the answer has no tokens" if not ids else "the answer has an unknown token id",
            where="answer",
            remedy=f"give a text, or token ids from 0 to {size - 1}",
        )
    return ids


def _given_ids(answer: Sequence[int]) -> list[int]:
    try:
        if not isinstance(answer, bytes):
            return [operator.index(token) for token in answer]
    except TypeError:
        pass
    raise ConversationError(
        f"{reprlib.repr(answer)} is neither a text nor token ids",
        where="answer",
        remedy="give a str, or a list of int",
    )
