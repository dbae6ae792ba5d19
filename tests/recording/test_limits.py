"""The limits of a run are reported before it starts or noted in its explanation."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GenerationConfig, StoppingCriteria
from transformers.generation import EosTokenCriteria, MaxTimeCriteria

import tam
from tam.capture.memory import free_bytes, memory_errors
from tam.engine.maps import memory_needed, token_activation_maps
from tam.errors import InputError, ModelError, ResourceError
from tam.media.media import image_from_array

PICTURE = image_from_array(
    np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8), "noise"
)


@pytest.fixture(scope="module")
def model(qwen_folder: Path) -> tam.Model:
    return tam.load(qwen_folder)


@pytest.fixture(scope="module")
def words(model: tam.Model) -> dict[str, Any]:
    return {"suppress_tokens": sorted(model.special_ids())}


def test_a_reply_that_was_cut_says_so(model: tam.Model, words: dict[str, Any]) -> None:
    cut = model.explain(PICTURE, "What?", max_new_tokens=3, **words)
    assert cut.provenance["cut"] is True
    assert "cut at 3 new tokens" in cut.provenance["notes"][0]
    given = model.explain(PICTURE, "What?", answer="a dog")
    assert given.provenance["cut"] is None
    assert not given.provenance["notes"]


@pytest.mark.promise("conversations", "a reply that a time limit ended", "marked as cut off")
def test_a_reply_that_time_ended_says_so(model: tam.Model, words: dict[str, Any]) -> None:
    ask = partial(model.explain, PICTURE, "What?", max_new_tokens=50, **words)
    clock = MaxTimeCriteria(0.0)
    for limit in ({"max_time": 0.0}, {"stopping_criteria": [clock]}):
        cut = ask(**limit)
        assert cut.cut is True
        tokens = len(cut.predictions)
        assert tokens < 50
        assert f"cut after {tokens} tokens" in cut.provenance["notes"][0]
    own = GenerationConfig(max_time=0.0)
    assert ask(generation_config=own).cut is True

    class Own(StoppingCriteria):
        def __call__(self, ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.full((len(ids),), True)

    assert ask(stopping_criteria=[Own()]).cut is None
    # What ends by itself is not cut, however long it may take.
    end = cut.predictions[-1].candidates[0].id
    assert ask(max_time=0.0, eos_token_id=end).cut is False
    assert ask(max_time=0.0, stop_strings=[cut.text]).cut is False
    assert ask(stopping_criteria=[EosTokenCriteria(end), clock]).cut is False
    assert ask(max_time=100.0, eos_token_id=[7, end]).cut is False


def test_in_a_batch_each_reply_has_its_own_end(
    model: tam.Model, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(PICTURE, "What?"), (PICTURE, "Say more about it, please.")]
    lone = [model.explain(*pair, max_new_tokens=6, **words) for pair in asked]
    first, second = ([step.candidates[0].id for step in one.predictions] for one in lone)
    end = next(token for token in first[1:] if token not in (first[0], *second))
    # As in many checkpoints, one token ends a reply and pads it.
    settings = model.module.generation_config
    monkeypatch.setattr(settings, "eos_token_id", end)
    monkeypatch.setattr(settings, "pad_token_id", end)
    ended, cut = model.explain_batch(asked, max_new_tokens=6, max_time=100.0, **words)
    assert (ended.cut, cut.cut) == (False, True)
    assert ended.text == model.explain(*asked[0], max_new_tokens=6, **words).text


def test_a_text_ends_the_reply(model: tam.Model, words: dict[str, Any]) -> None:
    plain = model.explain(PICTURE, "What?", max_new_tokens=8, **words)
    stop = "".join(token.text for token in plain.tokens[plain.prompt_targets :][:2])
    found = model.explain(PICTURE, "What?", max_new_tokens=8, stop_strings=[stop], **words)
    assert found.text == stop
    assert found.provenance["cut"] is False
    [batched] = model.explain_batch(
        [(PICTURE, "What?")], max_new_tokens=8, stop_strings=stop, **words
    )
    assert batched.text == stop
    settings = model.module.generation_config
    settings.stop_strings = [stop]
    try:
        assert model.explain(PICTURE, "What?", max_new_tokens=8, **words).text == stop
    finally:
        settings.stop_strings = None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guidance_scale", 2.0),
        ("assistant_early_exit", 1),
        ("custom_generate", "someone/loop"),
        ("cache_implementation", "offloaded"),
        ("cache_implementation", "quantized"),
    ],
)
def test_ways_to_write_that_cannot_be_explained_are_refused_by_name(
    model: tam.Model, name: str, value: Any
) -> None:
    with pytest.raises(InputError, match=f"^{name}: "):
        model.explain(PICTURE, "What?", max_new_tokens=2, **{name: value})
    assert model.explain(PICTURE, "What?", max_new_tokens=2, guidance_scale=1).tokens


def test_an_error_is_told_as_whose_it_is(model: tam.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def own(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        model.explain(PICTURE, "What?", max_new_tokens=2, logits_processor=[own])
    with pytest.raises(InputError, match=r"^num_beams: transformers refuses"):
        model.explain(PICTURE, "What?", max_new_tokens=2, num_beams=0)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("features and\ntokens do not match")

    # The model's own forward pass calls it.
    monkeypatch.setattr(model.module.model, "forward", broken)
    for asked in ({"num_beams": 1}, {"answer": "a dog"}):
        with pytest.raises(ModelError, match=r"the model fails .*features and tokens"):
            model.explain(PICTURE, "What?", max_new_tokens=2, **asked)


def test_memory_that_is_not_there_is_refused_before_the_run(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        pytest.fail("the model ran")

    monkeypatch.setattr(model.module, "forward", never)
    tokens = int((free_bytes(torch.device("cpu")) / 4) ** 0.5)
    with pytest.raises(ResourceError, match=r"need [\d.,]+ GB of memory, and .* free") as caught:
        model.explain(PICTURE, "What?", max_new_tokens=tokens)
    assert caught.value.exit_code == 4


def test_the_estimate_is_at_least_what_the_maps_take() -> None:
    targets, cells = 700, 64
    states = np.random.default_rng(0).normal(size=(cells + targets, 8)).astype(np.float32)
    result = token_activation_maps(
        states,
        states[cells:],
        np.arange(cells),
        np.arange(cells, cells + targets),
        np.arange(targets) % 50,
        [(8, 8)],
        600,
    )
    kept = result.maps.nbytes + result.text_scores.nbytes + result.relevance.nbytes
    assert kept <= memory_needed(targets, cells)


@pytest.mark.parametrize(
    "said",
    ["DefaultCPUAllocator: can't allocate memory: you tried", "not enough memory: you tried"],
)
def test_a_cpu_without_memory_is_told_as_such(said: str) -> None:
    with pytest.raises(ResourceError, match="memory of this machine"), memory_errors():
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="other"), memory_errors():
        raise RuntimeError("other")


def test_positions_beyond_the_stated_range_are_noted_and_work(
    model: tam.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = model.module.config.get_text_config()
    inside = model.explain(PICTURE, "What?", answer="a dog")
    monkeypatch.setattr(config, "max_position_embeddings", 20)
    beyond = model.explain(PICTURE, "What?", answer="a dog")
    assert np.array_equal(beyond.maps, inside.maps)
    [note] = beyond.provenance["notes"]
    assert "states a range of 20" in note
    # M-RoPE gives a picture fewer positions than it has tokens.
    last = beyond.tokens[-1].position + 1
    assert f"has {last:,} positions" not in note


@pytest.mark.filterwarnings("ignore")  # transformers warns about options together with settings
def test_settings_of_ones_own_hold(model: tam.Model) -> None:
    own = GenerationConfig(max_new_tokens=2, eos_token_id=10**6, pad_token_id=0, do_sample=True)
    result = model.explain(PICTURE, "What?", generation_config=own)
    assert len(result.predictions) <= 2
    assert result.cut is True
    assert all(step.sampled_probability is not None for step in result.predictions)
    three = model.explain(PICTURE, "What?", generation_config=own, max_new_tokens=3)
    assert "cut at 3 new tokens" in three.provenance["notes"][0]
    assert model.explain(PICTURE, "What?", generation_config=None, max_new_tokens=2).cut is True
    with pytest.raises(InputError, match="generation_config: int is not a GenerationConfig"):
        model.explain(PICTURE, "What?", generation_config=3)
    with pytest.raises(InputError, match="generation_config: int is not a GenerationConfig"):
        list(model.explain_batch([(PICTURE, "What?")], generation_config=3))


def test_a_blank_reply_does_not_lose_the_run(model: tam.Model) -> None:
    blank = model.processor.tokenizer(" \n", add_special_tokens=False).input_ids
    chat = model.chat()
    step = iter([*blank, model.module.generation_config.eos_token_id])

    def write(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        only = torch.full_like(scores, -torch.inf)
        only[:, next(step)] = 0
        return only

    first = chat.say("What?", [PICTURE], logits_processor=[write], max_new_tokens=8)
    assert not first.text.strip()
    assert chat.say("And?", answer="a dog").text == "a dog"
