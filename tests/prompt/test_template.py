"""Text that a chat template drops, trims or rewrites is located to the character."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoProcessor

import tam
from tam.errors import ConversationError, InputError
from tam.media.media import image_from_array
from tam.prompt.conversation import Conversation, TokenizedText, Turn, question
from tam.prompt.encoding import Prompt, encode

PICTURE = image_from_array(np.full((60, 90, 3), 128, np.uint8), "grey")
THOUGHT, SAID = "<think>It is red.</think>\n\n", "A red square."
PART = "{{ part['text'] }}"

CUTS_THOUGHTS = (
    "{% if message.role == 'assistant' and '</think>' in part.text %}"
    "{{ part.text.split('</think>')[-1].lstrip('\\n') }}{% else %}{{ part.text }}{% endif %}"
)
MOVES_THOUGHTS = (
    "{% if message.role == 'assistant' %}{% set p = part.text.split('</think>') %}"
    "<think>\n{{ p[0].split('<think>')[-1].strip() if p|length > 1 else '' }}\n</think>\n\n"
    "{{ p[-1].lstrip('\\n') }}{% else %}{{ part.text }}{% endif %}"
)


@pytest.fixture
def processor(qwen_folder: Path) -> Any:
    return AutoProcessor.from_pretrained(qwen_folder)


def rewritten(processor: Any, part: str) -> Any:
    assert PART in processor.chat_template
    processor.chat_template = processor.chat_template.replace(PART, part)
    return processor


def talk(reply: str | TokenizedText = THOUGHT + SAID, last: str = "Why?") -> Conversation:
    return Conversation(
        (
            Turn("user", (PICTURE, "What is it?")),
            Turn("assistant", (reply,)),
            Turn("user", (last,)),
        )
    )


def spelled(prompt: Prompt, turn: int) -> str:
    return "".join(token.text for token in prompt.tokens if token.turn == turn)


def check_positions(prompt: Prompt) -> None:
    positions = [token.position for token in prompt.tokens]
    assert positions == sorted(set(positions))
    assert [token.id for token in prompt.tokens] == prompt.ids[positions].tolist()


def test_an_earlier_thought_that_the_template_drops_is_no_context(processor: Any) -> None:
    prompt = encode(rewritten(processor, CUTS_THOUGHTS), talk())
    assert [spelled(prompt, turn).strip() for turn in range(3)] == ["What is it?", SAID, "Why?"]
    check_positions(prompt)
    [dropped] = prompt.dropped
    assert (dropped.turn, dropped.role, dropped.text) == (1, "assistant", THOUGHT)
    assert prompt.tokens[dropped.before_token].turn == 1
    assert prompt.tokens[dropped.before_token - 1].turn == 0
    [note] = prompt.notes
    assert "3 words of turn 2 (assistant) out of the prompt" in note


def test_what_is_kept_of_a_reply_keeps_its_own_ids(processor: Any) -> None:
    tokenizer = rewritten(processor, CUTS_THOUGHTS).tokenizer
    # Letter by letter, as no tokenizer would cut it.
    ids = [i for letter in THOUGHT + SAID for i in tokenizer(letter).input_ids]
    kept = [i for letter in SAID for i in tokenizer(letter).input_ids]
    prompt = encode(processor, talk(TokenizedText(THOUGHT + SAID, tuple(ids))))
    assert [token.id for token in prompt.tokens if token.turn == 1] == kept
    check_positions(prompt)


def test_a_thought_that_the_template_writes_in_its_own_way_is_followed(processor: Any) -> None:
    prompt = encode(rewritten(processor, MOVES_THOUGHTS), talk())
    # The template's own line break before the tag is not among the words.
    assert spelled(prompt, 1).strip() == f"It is red.</think>\n\n{SAID}"
    check_positions(prompt)
    assert not prompt.dropped


@pytest.mark.parametrize(
    ("part", "text", "wanted"),
    [
        ("{{ part.text | upper }}", "What is it?", "WHAT IS IT?"),
        ("{{ part.text | trim }}", "  What is it? \n", "What is it?"),
        ("{{ part.text.replace('red', 'blue') }}", "a red dog, red", "a blue dog, blue"),
        ("[{{ part.text }}]", "What?", "What?"),
        ("{{ part.text[:4] }}", "What is it?", "What"),
        ("{{ part.text[2:] }}", "a a a a", "a a a"),
    ],
)
def test_the_words_are_those_that_the_model_reads(
    processor: Any, part: str, text: str, wanted: str
) -> None:
    prompt = encode(rewritten(processor, part), question([PICTURE], text))
    assert spelled(prompt, 0).strip() == wanted
    check_positions(prompt)


def test_a_rewritten_text_is_noted(processor: Any) -> None:
    prompt = encode(rewritten(processor, "{{ part.text | upper }}"), question([PICTURE], "What?"))
    assert ["rewrites turn 1 (user)" in note for note in prompt.notes] == [True]


def test_a_turn_that_the_template_leaves_out_is_dropped(processor: Any) -> None:
    part = "{% if message.role != 'assistant' %}{{ part.text }}{% endif %}"
    prompt = encode(rewritten(processor, part), talk(SAID))
    assert spelled(prompt, 1) == ""
    assert [found.text for found in prompt.dropped] == [SAID]
    assert spelled(prompt, 2).strip() == "Why?"


def test_a_text_within_the_kept_part_of_another_is_not_mistaken(processor: Any) -> None:
    reply = f"<think>{SAID}</think>{SAID}"
    prompt = encode(rewritten(processor, CUTS_THOUGHTS), talk(reply, last=SAID))
    assert spelled(prompt, 1).strip() == spelled(prompt, 2).strip() == SAID
    assert prompt.dropped[0].text == f"<think>{SAID}</think>"
    check_positions(prompt)


def test_a_template_that_refuses_is_told_in_one_line(processor: Any) -> None:
    processor.chat_template = "{{ raise_exception('Roles must\nalternate.') }}"
    with pytest.raises(ConversationError, match=r"cannot render this .*\(Roles must alternate\)"):
        encode(processor, question([PICTURE], "What?"))
    processor.chat_template = "{% for"
    with pytest.raises(ConversationError, match="chat template cannot render"):
        encode(processor, question([PICTURE], "What?"))


def test_variables_of_the_template_are_passed_or_refused_by_name(processor: Any) -> None:
    processor.chat_template += (
        "{% if enable_thinking is defined and not enable_thinking %}no{% endif %}"
    )
    asked = question([PICTURE], "What?")
    plain = encode(processor, asked)
    found = encode(processor, asked, template_variables={"enable_thinking": False})
    assert len(found.ids) > len(plain.ids)
    for name in ("enable_thought", "tokenize", "add_generation_prompt"):
        with pytest.raises(InputError, match=f"no variable '{name}'"):
            encode(processor, asked, template_variables={name: True})


def test_a_chat_goes_on_after_a_thought(qwen_folder: Path) -> None:
    model = tam.load(qwen_folder)
    rewritten(model.processor, CUTS_THOUGHTS)
    chat = model.chat()
    chat.say("What is it?", [PICTURE], answer=THOUGHT + SAID)
    second = chat.say("And why?", answer="It is.")
    assert "".join(t.text for t in second.tokens if t.turn == 1).strip() == SAID
    assert second.provenance["dropped_text"][0]["text"] == THOUGHT
    assert any("did not read them" in note for note in second.provenance["notes"])
