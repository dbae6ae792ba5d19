"""Several questions at once: each gets the same explanation as by itself."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import tam
from tam import capture
from tam.errors import ConversationError, MediaError, ResourceError, TamError
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.recording import prepared

RNG = np.random.default_rng(0)
WIDE = image_from_array(RNG.integers(0, 255, (60, 180, 3), dtype=np.uint8), "wide")
TALL = image_from_array(RNG.integers(0, 255, (180, 60, 3), dtype=np.uint8), "tall")
QUESTIONS: list[Any] = [
    (WIDE, "What is it?"),
    ([TALL, WIDE], "And what else can be seen in these two?"),
    (TALL, "Why?"),
]


@pytest.fixture(scope="module", params=["qwen_folder", "llava_folder"])
def model(request: pytest.FixtureRequest) -> tam.Model:
    return tam.load(request.getfixturevalue(request.param))


def batch(model: tam.Model, questions: Any = QUESTIONS, **options: Any) -> list[Any]:
    options = {"max_new_tokens": 6, "suppress_tokens": sorted(model.special_ids())} | options
    return list(model.explain_batch(questions, **options))


def alone(model: tam.Model, asked: Any, **options: Any) -> tam.Explanation:
    options = {"max_new_tokens": 6, "suppress_tokens": sorted(model.special_ids())} | options
    return model.explain(*asked, **options)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
def test_each_question_gets_the_explanation_that_it_gets_alone(
    model: tam.Model, batch_size: int
) -> None:
    found = batch(model, batch_size=batch_size)
    assert len(found) == len(QUESTIONS)
    for result, asked in zip(found, QUESTIONS, strict=True):
        wanted = alone(model, asked)
        assert result.tokens == wanted.tokens
        assert [grid.positions.tolist() for grid in result.grids] == [
            grid.positions.tolist() for grid in wanted.grids
        ]
        assert np.allclose(result.maps, wanted.maps, atol=1e-5)
        assert np.allclose(result.relevance, wanted.relevance, atol=1e-5)
        for own, expected in zip(result.predictions, wanted.predictions, strict=True):
            assert own.probability == pytest.approx(expected.probability, rel=1e-4)


def test_an_answer_that_ends_early_is_not_filled_up(model: tam.Model) -> None:
    """End the reply to each prompt after a different number of tokens."""

    class EndAfter(torch.nn.Module):
        def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            written = ids.shape[1] - start[0]
            end = model.module.generation_config.eos_token_id
            for row in range(len(ids)):
                if written == row + 1:
                    scores[row] = -torch.inf
                    scores[row, end] = 0
            return scores

    start = [
        max(r.request.length for r in (prepared.prepare(model.checkpoint, t) for t in talks()))
    ]
    found = batch(model, logits_processor=[EndAfter()])
    assert [len(e.tokens) - e.prompt_targets for e in found] == [1, 2, 3]
    for result, asked in zip(found, QUESTIONS, strict=True):
        answer = [token.id for token in result.tokens[result.prompt_targets :]]
        given = model.explain(*asked, answer=answer)
        assert np.allclose(result.maps, given.maps, atol=1e-5)
        assert len(result.predictions) == len(answer)


def talks() -> list[tam.Conversation]:
    return [
        question(media if isinstance(media, list) else [media], text) for media, text in QUESTIONS
    ]


@pytest.mark.parametrize("options", [{"num_beams": 2}, {"use_cache": False}])
def test_other_ways_of_generating_are_explained_by_reading(
    model: tam.Model, options: dict[str, Any]
) -> None:
    for result, asked in zip(batch(model, **options), QUESTIONS, strict=True):
        answer = [token.id for token in result.tokens[result.prompt_targets :]]
        given = model.explain(*asked, answer=answer)
        assert np.allclose(result.maps, given.maps, atol=1e-5)


def test_sampling_records_the_distribution_of_each_row(model: tam.Model) -> None:
    torch.manual_seed(0)
    found = batch(model, do_sample=True, temperature=0.5, top_k=5)
    for result in found:
        assert len(result.predictions) == 6
        for step in result.predictions:
            assert step.sampled_probability is not None
            assert step.sampled_probability >= step.probability / 2


def test_an_error_is_raised_in_its_place_or_given(model: tam.Model) -> None:
    questions = [QUESTIONS[0], ("missing.png", "What?"), QUESTIONS[2]]
    found: list[tam.Explanation | TamError] = []
    with pytest.raises(MediaError, match=r"missing\.png"):
        found.extend(model.explain_batch(questions, batch_size=2, max_new_tokens=3))
    first, error, last = batch(model, questions, keep_going=True)
    assert isinstance(error, MediaError)
    assert [first.media[0].name, last.media[0].name] == ["wide", "tall"]


def test_an_answer_without_words_spares_the_others(model: tam.Model) -> None:
    end = model.module.generation_config.eos_token_id

    class EndFirst(torch.nn.Module):
        def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            scores[0] = -torch.inf
            scores[0, end] = 0
            return scores

    first, *others = batch(model, keep_going=True, logits_processor=[EndFirst()])
    assert isinstance(first, ConversationError)
    assert all(isinstance(other, tam.Explanation) for other in others)


def test_the_batch_is_halved_where_memory_runs_out(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = batch(model)
    sizes = []
    real = capture.generate

    def small_machine(module: Any, adapter: Any, requests: Any, **options: Any) -> Any:
        sizes.append(len(requests))
        if len(requests) > 1:
            raise torch.OutOfMemoryError
        return real(module, adapter, requests, **options)

    monkeypatch.setattr(capture, "generate", small_machine)
    with pytest.warns(UserWarning, match="continuing with half"):
        found = batch(model)
    assert sizes == [3, 1, 2, 1, 1]
    for result, wanted in zip(found, plain, strict=True):
        assert np.allclose(result.maps, wanted.maps, atol=1e-5)

    def full_machine(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(capture, "generate", full_machine)
    with pytest.warns(UserWarning, match="continuing with half"):
        errors = batch(model, keep_going=True)
    assert all(isinstance(error, ResourceError) for error in errors)


def test_questions_without_given_answers_are_answered_together(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    real = capture.generate

    def counted(module: Any, adapter: Any, requests: Any, **options: Any) -> Any:
        sizes.append(len(requests))
        return real(module, adapter, requests, **options)

    monkeypatch.setattr(capture, "generate", counted)
    questions = [QUESTIONS[0]] * 4
    found = batch(model, questions, answer=[None] * 4, batch_size=3)
    assert sizes == [3, 1]
    wanted = batch(model, questions, batch_size=3)
    assert [e.tokens for e in found] == [e.tokens for e in wanted]


def test_questions_are_taken_as_they_are_needed(model: tam.Model) -> None:
    taken: list[int] = []

    def endless() -> Iterator[Any]:
        while True:
            taken.append(threading.get_ident())
            yield QUESTIONS[0]

    results = model.explain_batch(endless(), batch_size=2, max_new_tokens=2)
    for _ in range(3):
        next(results)
    results.close()
    assert len(taken) in (6, 8), "one batch in use, one that is explained beside it, one ahead"


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_batch_is_refused(model: tam.Model, size: int) -> None:
    with pytest.raises(tam.TamError, match="batch_size"):
        batch(model, batch_size=size)


def test_a_question_that_fails_costs_no_other_answer(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model.module.model.forward

    def fails_on_long(*args: Any, **inputs: Any) -> Any:
        ids = inputs.get("input_ids")
        if ids is not None and ids.shape[1] > limit:
            raise RuntimeError("too long for me")
        return real(*args, **inputs)

    lengths = [
        p.request.length for p in (prepared.prepare(model.checkpoint, talk) for talk in talks())
    ]
    limit = sorted(lengths)[1]
    monkeypatch.setattr(model.module.model, "forward", fails_on_long)
    found = batch(model, [*QUESTIONS, "no pair"], keep_going=True)
    failed = [isinstance(result, TamError) for result in found]
    assert failed == [length > limit for length in lengths] + [True]
    assert "too long for me" in str(found[lengths.index(max(lengths))])
