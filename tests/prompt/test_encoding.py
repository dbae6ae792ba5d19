"""Each word of a conversation is located in the ids, by position."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from transformers import AutoProcessor

from tam.errors import ModelError, SetupError
from tam.media.media import image_from_array
from tam.prompt.conversation import Conversation, TokenizedText, Turn, question
from tam.prompt.encoding import encode

PICTURE = image_from_array(np.full((60, 90, 3), 128, np.uint8), "grey")


@pytest.fixture(params=["qwen_folder", "llava_folder"], scope="module")
def processor(request: pytest.FixtureRequest) -> object:
    return AutoProcessor.from_pretrained(request.getfixturevalue(request.param))


def spelled(prompt: object, turn: int) -> str:
    return "".join(token.text for token in prompt.tokens if token.turn == turn)


@pytest.mark.parametrize(
    "text",
    ["What is in the picture?", "system", "assistant", "什么狗? 👨‍👩‍👧", "a\nb  c", "image"],
)
def test_users_words_and_nothing_else_are_tokens(processor: object, text: str) -> None:
    prompt = encode(processor, question([PICTURE], text))
    assert spelled(prompt, 0).strip() == text
    positions = [token.position for token in prompt.tokens]
    assert positions == sorted(set(positions))
    assert [token.id for token in prompt.tokens] == prompt.ids[positions].tolist()
    assert all(token.context_position == token.position for token in prompt.tokens)
    assert {token.role for token in prompt.tokens} == {"user"}


def test_ids_are_the_processors_own(processor: object) -> None:
    talk = question([PICTURE], "What is in the picture?")
    rendered = processor.apply_chat_template(talk.messages(), add_generation_prompt=True)
    bos = processor.tokenizer.bos_token
    wanted = processor(
        text=[rendered],
        images=[PICTURE.frames[0]],
        add_special_tokens=not (bos and rendered.startswith(bos)),
    )["input_ids"]
    assert encode(processor, talk).ids.tolist() == list(wanted[0])


def test_turns_and_pictures_between_them(processor: object) -> None:
    talk = Conversation(
        (
            Turn("user", (PICTURE, "What is it?")),
            Turn("assistant", ("It is a dog.",)),
            Turn("user", ("And this?", PICTURE)),
        )
    )
    prompt = encode(processor, talk)
    assert [spelled(prompt, turn).strip() for turn in range(3)] == [
        "What is it?",
        "It is a dog.",
        "And this?",
    ]
    for token in prompt.tokens:
        shift = 1 if token.role == "assistant" else 0
        assert token.context_position == token.position - shift
    words = [token.word for token in prompt.tokens if token.word >= 0]
    assert sorted(set(words)) == list(range(max(words) + 1))


@pytest.mark.promise(
    "prompts", "a prompt with text that the chat template also writes", "the two are not confused"
)
def test_text_that_a_template_also_writes_is_not_mistaken(qwen_folder: Path) -> None:
    # The template's system prompt says "You are a helpful assistant." before the user does.
    processor = AutoProcessor.from_pretrained(qwen_folder)
    plain = encode(processor, question([PICTURE], "Describe this image."))
    echo = encode(processor, question([PICTURE], "You are a helpful assistant."))
    assert echo.tokens[0].position == plain.tokens[0].position


@pytest.mark.promise(
    "prompts", "special tokens in a prompt", "treated as text, and positions stay right"
)
@pytest.mark.parametrize("text", ["{m}", "What is {m} here?", "{m}{m} and {m}", "a {m}"])
def test_a_marker_in_a_text_is_text_and_moves_nothing(processor: object, text: str) -> None:
    markers = [processor.image_token, processor.tokenizer.eos_token, "<image>"]
    for marker in markers:
        said = text.format(m=marker)
        talk = Conversation(
            (Turn("user", (PICTURE, said)), Turn("assistant", (said,)), Turn("user", ("Why?",)))
        )
        prompt = encode(processor, talk)
        assert [spelled(prompt, turn).strip() for turn in range(3)] == [said, said, "Why?"]
        plain = encode(processor, question([PICTURE], "What?"))
        token = processor.image_token_id
        assert np.sum(prompt.ids == token) == np.sum(plain.ids == token)
        assert all(
            v.shape[1] == len(prompt.ids)
            for v in prompt.inputs.values()
            if v.ndim == 2 and v.shape[0] == 1 and v.shape[1] > 3
        )


def test_a_reply_enters_the_next_prompt_by_its_own_ids(processor: object) -> None:
    tokenizer = processor.tokenizer
    # Spelled letter by letter, as no tokenizer would cut it.
    ids = [i for letter in " dog" for i in tokenizer(letter, add_special_tokens=False).input_ids]
    talk = Conversation(
        (
            Turn("user", (PICTURE, "What is it?")),
            Turn("assistant", (TokenizedText(tokenizer.decode(ids), tuple(ids)),)),
            Turn("user", ("Why?", PICTURE)),
        )
    )
    prompt = encode(processor, talk)
    own = [token for token in prompt.tokens if token.turn == 1]
    assert [token.id for token in own] == ids
    assert prompt.ids[[token.position for token in own]].tolist() == ids
    assert all(token.context_position == token.position - 1 for token in own)
    assert spelled(prompt, 2).strip() == "Why?"
    assert prompt.inputs["attention_mask"].shape == (1, len(prompt.ids))


def test_a_template_that_trims_is_followed(qwen_folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(qwen_folder)
    processor.chat_template = processor.chat_template.replace(
        "{{ part['text'] }}", "{{ part['text'] | trim }}"
    )
    prompt = encode(processor, question([PICTURE], "  What is it?  "))
    assert spelled(prompt, 0).strip() == "What is it?"


def test_no_template_and_no_offsets_are_said_plainly(qwen_folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(qwen_folder)
    processor.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        encode(processor, question([PICTURE], "What is it?"))

    class Slow:
        is_fast = False
        all_special_tokens: tuple[str, ...] = ()
        added_tokens_decoder: ClassVar[dict[int, object]] = {}

    class Processor:
        tokenizer = Slow()
        chat_template = "x"

        def apply_chat_template(self, messages: list, **_: object) -> str:
            return messages[0]["content"][1]["text"]

    with pytest.raises(SetupError, match="the offsets of its tokens"):
        encode(Processor(), question([PICTURE], "What is it?"))
