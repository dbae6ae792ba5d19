from typing import Any

import numpy as np
import pytest

from tam.errors import ConversationError
from tam.media.media import image_from_array
from tam.prompt.conversation import Conversation, Turn, question

PICTURE = image_from_array(np.zeros((4, 6, 3), np.uint8), "p")


def test_messages_carry_markers_never_media() -> None:
    talk = Conversation(
        (
            Turn("system", ("Be brief.",)),
            Turn("user", (PICTURE, "What is it?", PICTURE)),
            Turn("assistant", ("A dog.",)),
        )
    )
    assert talk.messages()[1] == {
        "role": "user",
        "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}, {"type": "image"}],
    }
    assert [turn for turn, _ in talk.media] == [1, 1]


@pytest.mark.promise("prompts", "an empty prompt", "refused with a one-line error")
@pytest.mark.parametrize("prompt", ["", "  \n "])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(ConversationError, match="the prompt is empty"):
        question([PICTURE], prompt)


@pytest.mark.promise(
    "prompts", "lone surrogates and bytes that are not UTF-8", "refused with a one-line error"
)
@pytest.mark.parametrize("text", ["a \udc80 dog", "\ud83d", None, 3, b"what?"])
def test_what_no_tokenizer_reads_is_refused(text: Any) -> None:
    """Lone surrogates come from bytes that are not UTF-8 on the command line, and from JSON."""
    with pytest.raises(ConversationError, match=r"prompt: .*(surrogate|is not text)"):
        question([PICTURE], text)
    with pytest.raises(ConversationError, match="system turn"):
        Turn("system", (text,))


@pytest.mark.promise(
    "conversations", "an unknown role, an empty turn", "refused with a one-line error"
)
def test_a_turn_needs_a_role_and_something_in_it() -> None:
    with pytest.raises(ConversationError, match="unknown role 'robot'"):
        Turn("robot", ("hi",))
    with pytest.raises(ConversationError, match="empty"):
        Turn("user", (" ",))
