"""The text tokens of a reply, defined once for finished replies and those being written."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tam.geometry.layout import TextToken
from tam.prompt.encoding import text_tokens
from tam.recording.prepared import Prepared
from tam.text.tokenizer import Tokenizer


def reply_tokens(
    tokenizer: Tokenizer,
    prepared: Prepared,
    ids: Sequence[int] | NDArray[np.int64],
    places: Sequence[int] | NDArray[np.int64],
    *,
    first_word: int,
    before: Sequence[int] = (),
) -> tuple[TextToken, ...]:
    """Describe tokens of a reply, special tokens left out.

    Parameters
    ----------
    tokenizer
        The model's tokenizer.
    prepared
        The conversation that is answered.
    ids
        int64 [n]: the tokens' ids.
    places
        int64 [n]: their indices among all tokens of the reply, special tokens counted.
    first_word
        Index of the first of their words among all words of the conversation.
    before
        Ids of the tokens just before them in the reply; some tokenizers decode a token by what
        precedes it.
    """
    return text_tokens(
        tokenizer,
        np.asarray(ids, np.int64),
        np.asarray(places, np.int64) + len(prepared.prompt.ids),
        turn=len(prepared.conversation.turns),
        role="assistant",
        first_word=first_word,
        before=before,
    )
