"""Runs that overlap on one model: each is what it is alone."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import StoppingCriteria

import tam
from tam.capture.cache import CACHE
from tam.media.media import Media, image_from_array
from tam.model.streaming import MapStreamer
from tam.prompt.conversation import Conversation, question

RNG = np.random.default_rng(0)
WIDE = image_from_array(RNG.integers(0, 255, (60, 180, 3), dtype=np.uint8), "wide")
TALL = image_from_array(RNG.integers(0, 255, (180, 60, 3), dtype=np.uint8), "tall")
BIG = image_from_array(RNG.integers(0, 255, (140, 150, 3), dtype=np.uint8), "big")
ASKED: list[tuple[Media | list[Media], str]] = [
    (WIDE, "What is it?"),
    (TALL, "Why is that so in this one?"),
    ([BIG, WIDE], "And what else can be seen in these two?"),
    (BIG, "What?"),
]
STEPS = {"max_new_tokens": 8, "min_new_tokens": 8}
SAMPLED = {"do_sample": True, "temperature": 3.0, **STEPS}
EVENT_S = 60


@pytest.fixture(params=["qwen_folder", "llava_folder"], scope="module")
def model(request: pytest.FixtureRequest) -> tam.Model:
    return tam.load(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def alone(model: tam.Model) -> list[tam.Explanation]:
    """Each question's explanation when nothing else runs."""
    return [model.explain(media, prompt, **STEPS) for media, prompt in ASKED]


class EachToken(StoppingCriteria):
    """Calls a function whenever a token is there."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.function = function

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        self.function()
        return torch.zeros(len(input_ids), dtype=torch.bool)


def each_token(function: Callable[[], object]) -> dict[str, Any]:
    return {"stopping_criteria": [EachToken(function)], **STEPS}


def assert_same(found: tam.Explanation, wanted: tam.Explanation) -> None:
    assert found.tokens == wanted.tokens
    assert np.allclose(found.maps, wanted.maps, rtol=0, atol=1e-6, equal_nan=True)
    if wanted.relevance is None:
        assert found.relevance is None
    else:
        assert found.relevance is not None
        assert np.allclose(found.relevance, wanted.relevance, rtol=0, atol=1e-6, equal_nan=True)
    for own, expected in zip(found.predictions, wanted.predictions, strict=True):
        assert own.probability == pytest.approx(expected.probability, rel=1e-5)


def test_an_explanation_inside_the_loop_over_a_stream(
    model: tam.Model, alone: list[tam.Explanation]
) -> None:
    stream = model.stream(*ASKED[0], **STEPS)
    for _ in stream:
        assert_same(model.explain(*ASKED[1], **STEPS), alone[1])
    assert_same(stream.explanation, alone[0])


def test_a_run_inside_a_callback_of_another(model: tam.Model, alone: list[tam.Explanation]) -> None:
    """Between any two tokens of the one, the whole of the other."""
    inner: list[tam.Explanation] = []

    def ask() -> None:
        inner.append(model.explain(*ASKED[len(inner) % 3], **STEPS))

    assert_same(model.explain(*ASKED[3], **each_token(ask)), alone[3])
    assert len(inner) == STEPS["max_new_tokens"]
    for number, found in enumerate(inner):
        assert_same(found, alone[number % 3])


def test_a_plain_call_inside_a_callback_belongs_to_no_run(
    model: tam.Model, alone: list[tam.Explanation]
) -> None:
    with MapStreamer(model, talk(1), print) as other:
        inputs = other.inputs

    def call() -> None:
        with torch.no_grad():
            model.module(input_ids=inputs["input_ids"][:, :3])

    assert_same(model.explain(*ASKED[0], **each_token(call)), alone[0])


def test_streams_side_by_side(model: tam.Model, alone: list[tam.Explanation]) -> None:
    streams = [model.stream(*asked, **STEPS) for asked in ASKED]
    for _ in zip_longest(*streams):
        pass
    for stream, wanted in zip(streams, alone, strict=True):
        assert_same(stream.explanation, wanted)


def test_eight_threads_in_step(model: tam.Model, alone: list[tam.Explanation]) -> None:
    """None of them writes its next token before all have written this one."""
    together = threading.Barrier(8)

    def ask(number: int) -> tam.Explanation:
        options = each_token(lambda: together.wait(EVENT_S))
        return model.explain(*ASKED[number % 4], **options)

    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(ask, range(8))):
            assert_same(found, alone[number % 4])


def test_a_run_that_waits_for_another_holds_nothing(
    model: tam.Model, alone: list[tam.Explanation]
) -> None:
    done = threading.Event()

    def wait() -> None:
        assert done.wait(EVENT_S), "the others wait for this run"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(model.explain, *ASKED[0], **each_token(wait))
        assert_same(model.explain(*ASKED[1], **STEPS), alone[1])
        assert_same(model.explain(*ASKED[2], answer=reply(alone[2])), alone[2])
        done.set()
        assert_same(waiting.result(), alone[0])


def test_tasks_of_asyncio(model: tam.Model, alone: list[tam.Explanation]) -> None:
    async def ask() -> list[tam.Explanation]:
        return await asyncio.gather(
            *(asyncio.to_thread(model.explain, *asked, **STEPS) for asked in ASKED)
        )

    for found, wanted in zip(asyncio.run(ask()), alone, strict=True):
        assert_same(found, wanted)


def test_a_batch_beside_a_stream(model: tam.Model, alone: list[tam.Explanation]) -> None:
    stream = model.stream(*ASKED[0], **STEPS)
    next(stream)
    batch = list(model.explain_batch(ASKED[1:], batch_size=2, **STEPS))
    for found, wanted in zip(batch, alone[1:], strict=True):
        assert isinstance(found, tam.Explanation)
        assert found.tokens == wanted.tokens
        # padding changes the sums' order
        assert np.allclose(found.maps, wanted.maps, atol=1e-5, equal_nan=True)
    list(stream)
    assert_same(stream.explanation, alone[0])


def test_sampled_replies_draw_by_their_own_seeds(model: tam.Model) -> None:
    wanted = [model.explain(*asked, seed=seed, **SAMPLED) for seed, asked in enumerate(ASKED)]
    assert len({explanation.text for explanation in wanted}) == len(ASKED)
    together = threading.Barrier(4)
    before = torch.get_rng_state()

    def ask(number: int) -> tam.Explanation:
        options = {**SAMPLED, **each_token(lambda: together.wait(EVENT_S))}
        return model.explain(*ASKED[number], seed=number, **options)

    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(ask, range(4)), wanted, strict=True):
            assert_same(found, expected)
    assert torch.equal(torch.get_rng_state(), before), "the program's own generator stays as it was"


def test_what_the_program_draws_meanwhile_changes_no_seeded_reply(model: tam.Model) -> None:
    wanted = model.explain(*ASKED[0], seed=5, **SAMPLED)
    stream = model.stream(*ASKED[0], seed=5, **SAMPLED)
    for _ in stream:
        torch.manual_seed(0)
        first = torch.rand(3)
        torch.manual_seed(0)
        assert torch.equal(torch.rand(3), first)
        model.explain(*ASKED[1], **SAMPLED)
    assert_same(stream.explanation, wanted)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("grad-cam", {"layer": "vision.-2"}),
        ("grad-cam", {}),
        ("attention", {}),
        ("rollout", {}),
        ("occlusion", {}),
        ("input-x-gradient", {}),
    ],
)
def test_methods_that_run_the_model_again_beside_a_reply(
    model: tam.Model, alone: list[tam.Explanation], method: str, options: dict[str, Any]
) -> None:
    given = {"answer": "a dog", "method": method, "method_options": options}
    wanted = model.explain(*ASKED[1], **given)
    found: list[tam.Explanation] = []

    def again() -> None:
        if len(found) < 2:
            found.append(model.explain(*ASKED[1], **given))

    assert_same(model.explain(*ASKED[0], **each_token(again)), alone[0])
    stream = model.stream(*ASKED[0], **STEPS)
    next(stream)
    found.append(model.explain(*ASKED[1], **given))
    list(stream)
    assert_same(stream.explanation, alone[0])
    for explanation in found:
        assert_same(explanation, wanted)
    assert all(parameter.requires_grad for parameter in model.module.parameters())


def test_a_conversation_that_goes_on_beside_a_stream(model: tam.Model) -> None:
    """What was kept of its first turns holds whatever the model read since."""

    def talk_on(between: Callable[[], object]) -> list[tam.Explanation]:
        chat = model.chat()
        first = chat.say("What is here?", [WIDE], **each_token(between))
        between()
        return [first, chat.say("And then?", **each_token(between))]

    wanted = talk_on(lambda: None)
    found = talk_on(lambda: model.explain(*ASKED[1], **STEPS))
    for own, expected in zip(found, wanted, strict=True):
        assert_same(own, expected)


def test_loops_of_ones_own_in_turns(model: tam.Model, alone: list[tam.Explanation]) -> None:
    streamers = [MapStreamer(model, talk(number), lambda _: None) for number in range(3)]
    written: list[list[int]] = [[], []]
    with streamers[0], streamers[1], streamers[2], torch.no_grad():
        loops = [
            greedy(model, streamer, ids) for streamer, ids in zip(streamers, written, strict=False)
        ]
        for _ in zip_longest(*loops):
            model.explain(*ASKED[3], **STEPS)
        model.module.generate(**streamers[2].inputs, **STEPS)
        with pytest.raises(tam.TamError, match="one token after another"):
            streamers[2].put(5)  # it was not given the tokens before
    for number, answer in enumerate(written):
        found, wanted = streamers[number].explanation, model.explain(*ASKED[number], answer=answer)
        assert found.text == wanted.text
        assert np.allclose(found.maps, wanted.maps, rtol=0, atol=1e-5, equal_nan=True)


def greedy(model: tam.Model, streamer: MapStreamer, written: list[int]) -> Iterator[None]:
    """Write a reply as a program of its own would, with a stop after each token."""
    inputs = dict(streamer.inputs)
    for _ in range(STEPS["max_new_tokens"]):
        output = model.module(**inputs, use_cache=True)
        written.append(int(output.logits[0, -1].argmax()))
        streamer.put(written[-1])
        inputs = {"input_ids": torch.tensor([written[-1:]]), CACHE: output[CACHE]}
        yield
    streamer.end()


def test_a_stream_may_be_closed_wherever_another_run_stands(
    model: tam.Model, alone: list[tam.Explanation]
) -> None:
    """The garbage collector closes streams at any moment, also in the middle of a pass."""
    streams = [model.stream(*ASKED[0], max_new_tokens=3000) for _ in range(2)]
    for stream in streams:
        next(stream)

    def close(*_: Any) -> None:
        if streams:
            streams.pop().close()

    handle = model.module.get_decoder().register_forward_hook(close)
    try:
        assert_same(model.explain(*ASKED[1], **STEPS), alone[1])
    finally:
        handle.remove()
    for thread in threading.enumerate():
        if thread.name == "tam-stream":
            thread.join(EVENT_S)
            assert not thread.is_alive()


def test_a_stream_that_the_program_ends_before_ends_quietly(qwen_folder: Path) -> None:
    code = (
        "import sys, tam, numpy\n"
        "model = tam.load(sys.argv[1])\n"
        "picture = tam.open_image(numpy.zeros((60, 90, 3), numpy.uint8))\n"
        "stream = model.stream(picture, 'What?', max_new_tokens=3000, min_new_tokens=3000)\n"
        "next(stream)\n"
        "print('a word')\n"
    )
    command = [sys.executable, "-c", code, str(qwen_folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (ended.returncode, ended.stdout) == (0, "a word\n")
    assert "terminate" not in ended.stderr
    assert "Traceback" not in ended.stderr


def talk(number: int) -> Conversation:
    media, prompt = ASKED[number]
    return question(media if isinstance(media, list) else [media], prompt)


def reply(explanation: tam.Explanation) -> list[int]:
    return [token.id for token in explanation.tokens[explanation.prompt_targets :]]
