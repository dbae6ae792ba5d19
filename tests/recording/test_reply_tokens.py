"""A reply's tokens are the same whether read as a whole or word by word."""

from pathlib import Path

import numpy as np

import tam
from tam.geometry.layout import TextToken
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.prompt.encoding import word_count
from tam.prompt.known_ids import plain_ids
from tam.recording.prepared import prepare
from tam.recording.reply_tokens import reply_tokens
from tam.text.words import decode_pieces, stable_prefix

PICTURE = image_from_array(np.zeros((60, 90, 3), np.uint8), "black")


def test_word_by_word_and_as_a_whole(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    prepared = prepare(model.checkpoint, question([PICTURE], "What?"))
    tokenizer = model.checkpoint.tokenizer
    ids = plain_ids(tokenizer, "A red 狗, don't say 3.5.\n\n Ende!")
    first = word_count(prepared.prompt.tokens)
    places = np.arange(len(ids)) + 2  # as after two special tokens
    whole = reply_tokens(tokenizer, prepared, ids, places, first_word=first)

    parts: list[TextToken] = []
    waiting: list[int] = []
    before: list[int] = []
    for place, token in enumerate(ids):
        waiting.append(token)
        pieces = decode_pieces(tokenizer, [*before, *waiting])[len(before) :]
        count = len(waiting) if place == len(ids) - 1 else stable_prefix(pieces)
        if count:
            parts += reply_tokens(
                tokenizer,
                prepared,
                waiting,
                places[len(parts) : place + 1],
                first_word=max(word_count(tuple(parts)), first),
                before=before,
            )[:count]
            before, waiting = waiting[:count], waiting[count:]
    assert tuple(parts) == whole

    assert "".join(token.text for token in whole) == "A red 狗, don't say 3.5.\n\n Ende!"
    assert whole[0].word == first
    assert whole[0].position == len(prepared.prompt.ids) + 2
    assert {token.position - token.context_position for token in whole} == {1}
    assert {(token.role, token.turn) for token in whole} == {("assistant", 1)}
