"""Words come while the model writes, with the maps that they have in the end."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from transformers import StoppingCriteria

import tam
from tam.capture.cache import CACHE
from tam.errors import ConversationError, InputError
from tam.media.media import image_from_array
from tam.model.streaming import MapStreamer, Stream
from tam.prompt.conversation import Conversation, question

PIXELS = np.random.default_rng(0).integers(0, 255, (100, 150, 3), dtype=np.uint8)
PICTURE = image_from_array(PIXELS, "noise")
PROMPT = "What is in the picture?"
STEPS = {"max_new_tokens": 20, "min_new_tokens": 20}


@pytest.fixture(params=["qwen_folder", "llava_folder"], scope="module")
def model(request: pytest.FixtureRequest) -> tam.Model:
    return tam.load(request.getfixturevalue(request.param))


@pytest.fixture
def asked() -> Conversation:
    return question([PICTURE], PROMPT)


@pytest.fixture(autouse=True)
def no_hook_and_no_thread_survives(model: tam.Model) -> Iterator[None]:
    yield
    assert hooks_of(model) == []
    assert streaming_threads() == []


def hooks_of(model: tam.Model) -> list[Any]:
    """Hooks of the toolkit; transformers keeps some of its own on some models."""
    hooks = [hook for module in model.module.modules() for hook in module._forward_hooks.values()]
    return [hook for hook in hooks if hook.__module__.startswith("tam")]


def streaming_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("tam")]


class EachToken(StoppingCriteria):
    """Calls a function when a token is there."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.tokens = 0

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        self.tokens += 1
        self.function(self.tokens)
        return torch.zeros(len(input_ids), dtype=torch.bool)


def assert_same(words: list[tam.Word], whole: tam.Explanation) -> None:
    """Assert that words that came one by one are those of the whole explanation."""
    assert [word.text for word in words] == [word.text for word in whole.words]
    for word, wanted in zip(words, whole.words, strict=True):
        assert word.targets == wanted.targets
        assert word.probability == pytest.approx(wanted.probability, rel=1e-5)
        assert np.array_equal(np.floor(255 * word.cells()), np.floor(255 * wanted.cells()))
        count = len(word.explanation.tokens)
        assert word.explanation.tokens == whole.tokens[:count]
        assert word.targets[-1] < count
        assert np.allclose(word.explanation.relevance, whole.relevance[:count, :count], atol=1e-6)


def test_words_come_with_the_maps_that_they_have_in_the_end(model: tam.Model) -> None:
    stream = model.stream(PICTURE, PROMPT, **STEPS)
    words = list(stream)
    whole = model.explain(PICTURE, PROMPT, **STEPS)
    assert len(words) > 3
    assert_same(words, whole)
    found = stream.explanation
    assert found.text == whole.text
    assert np.array_equal(found.maps, whole.maps)
    assert np.array_equal(found.relevance, whole.relevance)
    assert found.provenance == whole.provenance


def test_a_sampled_reply_with_stages_and_candidates(model: tam.Model) -> None:
    options = {"do_sample": True, "seed": 3, "stages": True, "candidate_maps": 2, **STEPS}
    stream = model.stream(PICTURE, PROMPT, **options)
    words = list(stream)
    whole = model.explain(PICTURE, PROMPT, **options)
    assert_same(words, whole)
    assert stream.explanation.stages is not None
    assert np.array_equal(stream.explanation.candidate_maps, whole.candidate_maps)


def test_a_word_is_there_before_the_reply_is_at_its_end(model: tam.Model) -> None:
    seen = threading.Event()

    def wait(tokens: int) -> None:
        if tokens == STEPS["max_new_tokens"] - 1:
            assert seen.wait(30), "nobody got a word before the last token"

    stream = model.stream(PICTURE, PROMPT, stopping_criteria=[EachToken(wait)], **STEPS)
    words = []
    for word in stream:
        words.append(word)
        seen.set()
    assert len(words) == len(stream.explanation.words)


def test_leaving_the_loop_stops_the_model(model: tam.Model) -> None:
    written = EachToken(lambda _: None)
    long = {"max_new_tokens": 3000, "min_new_tokens": 3000}
    for _ in model.stream(PICTURE, PROMPT, stopping_criteria=[written], **long):
        break
    assert streaming_threads() == []
    assert 0 < written.tokens < 3000


def test_closing_before_the_first_word_starts_nothing(model: tam.Model, asked: Any) -> None:
    stream = Stream(model, asked, **STEPS)
    stream.close()
    assert list(stream) == []
    with pytest.raises(InputError, match="not finished"):
        _ = stream.explanation


def test_an_error_in_the_run_reaches_the_loop(model: tam.Model) -> None:
    def fail(tokens: int) -> None:
        if tokens == 12:
            raise ZeroDivisionError("in the middle")

    words: list[tam.Word] = []
    stream = model.stream(PICTURE, PROMPT, stopping_criteria=[EachToken(fail)], **STEPS)
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        words.extend(stream)
    assert words, "what was finished before came"


def test_an_error_in_the_loop_stops_the_model(model: tam.Model) -> None:
    def fail() -> None:
        for _ in model.stream(PICTURE, PROMPT, **STEPS):
            raise KeyError

    with pytest.raises(KeyError) as raised:
        fail()
    del raised  # and with it the loop's frame
    assert streaming_threads() == []


@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 2, **STEPS},
        {"answer": "a red dog on a bench"},
        {"use_cache": False, **STEPS},
        {"prompt_lookup_num_tokens": 2, **STEPS},
    ],
    ids=["beams", "given", "no cache", "assisted"],
)
def test_what_is_not_written_token_by_token_comes_at_the_end(
    model: tam.Model, options: dict[str, Any]
) -> None:
    words = list(model.stream(PICTURE, PROMPT, **options))
    assert_same_text(words, model.explain(PICTURE, PROMPT, **options))


def assert_same_text(words: list[tam.Word], whole: tam.Explanation) -> None:
    assert [word.text for word in words] == [word.text for word in whole.words]
    for word, wanted in zip(words, whole.words, strict=True):
        assert np.array_equal(np.floor(255 * word.cells()), np.floor(255 * wanted.cells()))


def test_a_reply_without_words_is_an_error(model: tam.Model) -> None:
    end = model.module.generation_config.eos_token_id
    with pytest.raises(ConversationError, match="no words"):
        list(model.stream(PICTURE, PROMPT, forced_eos_token_id=end, max_new_tokens=1))


def test_a_streamer_for_generate(model: tam.Model, asked: Conversation) -> None:
    words: list[tam.Word] = []
    with MapStreamer(model, asked, words.append) as streamer:
        with pytest.raises(InputError, match="not finished"):
            _ = streamer.explanation
        model.module.generate(**streamer.inputs, **STEPS, streamer=streamer)
    whole = model.explain(PICTURE, PROMPT, **STEPS)
    assert_same(words, whole)
    assert np.array_equal(np.floor(255 * streamer.explanation.maps), np.floor(255 * whole.maps))
    candidates = [step.candidates for step in streamer.explanation.predictions]
    assert [[c.id for c in step] for step in candidates] == [
        [c.id for c in step.candidates] for step in whole.predictions
    ]


def test_a_streamer_for_a_loop_of_ones_own(model: tam.Model, asked: Conversation) -> None:
    words: list[tam.Word] = []
    with MapStreamer(model, asked, words.append) as streamer, torch.no_grad():
        output = model.module(**streamer.inputs, use_cache=True)
        for step in range(STEPS["max_new_tokens"]):
            token = int(output.logits[0, -1].argmax())
            streamer.put(token)
            if step < STEPS["max_new_tokens"] - 1:
                again = {"input_ids": torch.tensor([[token]]), CACHE: output[CACHE]}
                output = model.module(**again, use_cache=True)
        streamer.end()
    text = streamer.explanation.text
    assert words
    assert [word.text for word in words] == [word.text for word in streamer.explanation.words]
    whole = model.explain(PICTURE, PROMPT, answer=[t.id for t in streamer.explanation.tokens[-20:]])
    assert whole.text == text
    assert np.array_equal(np.floor(255 * streamer.explanation.maps), np.floor(255 * whole.maps))


def test_tokens_that_the_model_did_not_just_write_are_refused(
    model: tam.Model, asked: Conversation
) -> None:
    with MapStreamer(model, asked, print) as streamer:
        with pytest.raises(InputError, match="one token after another"):
            streamer.put(5)
        with pytest.raises(ConversationError, match="no words"):
            streamer.end()


def test_an_error_in_the_callback_leaves_no_hook(model: tam.Model, asked: Conversation) -> None:
    def fail(_: tam.Word) -> None:
        raise KeyError

    with pytest.raises(KeyError), MapStreamer(model, asked, fail) as streamer:
        model.module.generate(**streamer.inputs, **STEPS, streamer=streamer)
    assert hooks_of(model) == []
