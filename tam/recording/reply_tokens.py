"""The text tokens of a reply, for both finished replies and those still being written."""

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
    """Return descriptions of tokens of a reply; special tokens must already be left out.

    Parameters
    ----------
    tokenizer
        The model's tokenizer.
    prepared
        The conversation that the reply answers.
    ids
        int64 [n]: the tokens' ids.
    places
        int64 [n]: their indices among all tokens of the reply, special tokens included.
    first_word
        Index of their first word among all words of the conversation.
    before
        Ids of the tokens just before them in the reply, because some tokenizers decode a token
        depending on the preceding ones.
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
