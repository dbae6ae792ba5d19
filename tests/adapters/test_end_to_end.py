"""The same end-to-end tests for every family, from a folder to maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tam
from tam.prompt.conversation import Conversation, Turn, question
from tam.prompt.encoding import encode
from tam.recording.batching import recordings
from tam.recording.recording import Recording
from tam.testing import probe_clip, probe_picture
from tests.hand_made import same
from tests.tiny import BUILDERS, TAKING_CLIPS

# Some of transformers' processors pass a tensor to NumPy in a way that it has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning"),
]

PROMPT = "What is in the picture"
STEPS = 6


# One family for each kind of layout; the in-depth tests of the others are in the complete grid.
REPRESENTATIVES = {
    "qwen2_vl",
    "qwen3_5",
    "qwen3_omni_moe",
    "gemma4",
    "gemma3",
    "llava",
    "llava_onevision",
    "internvl",
    "smolvlm",
    "phi4_multimodal",
    "hunyuan_vl",
    "got_ocr2",
}
in_depth = pytest.mark.parametrize(
    "model",
    [
        name if name in REPRESENTATIVES else pytest.param(name, marks=pytest.mark.grid)
        for name in BUILDERS
    ],
    indirect=True,
)


@pytest.fixture(scope="module", params=BUILDERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tam.Model:
    return tam.load(BUILDERS[request.param](tmp_path_factory.mktemp(request.param)))


def pictures() -> list[tam.Media]:
    return [probe_picture(60, 90), probe_picture(100, 40, seed=1)]


def head_logits(model: tam.Model, states: torch.Tensor) -> torch.Tensor:
    """What the model's own forward makes of the head's output."""
    scores = model.adapter.lm_head(model.module)(states).detach().float()
    return model.adapter.finished_logits(model.module.config, scores)


def many_words(model: tam.Model) -> dict[str, Any]:
    """Options that make a random model say different words, and no special tokens."""
    torch.manual_seed(0)
    special = sorted(model.special_ids())
    return {
        "max_new_tokens": STEPS,
        "do_sample": True,
        "temperature": 3.0,
        "suppress_tokens": special,
    }


def test_given_ids_get_the_maps_of_generated_ones(model: tam.Model) -> None:
    written = model.explain(pictures(), PROMPT, **many_words(model))
    ids = [token.id for token in written.tokens[written.prompt_targets :]]
    given = model.explain(pictures(), PROMPT, answer=ids)
    assert len(ids) == STEPS
    assert len(set(ids)) > 1
    assert np.allclose(given.maps, written.maps, atol=1e-5)
    assert np.allclose(given.relevance, written.relevance, atol=1e-5)
    assert [word.text for word in given.prompt_words] == PROMPT.split()
    assert given.provenance["notes"] == list(model.adapter.notes)
    for index, media in enumerate(pictures()):
        found = given.token_map(given.prompt_targets, media=index)
        assert found.shape == (media.height, media.width)
        assert np.isfinite(found).all()


@in_depth
def test_what_it_explains_is_saved_and_shown(model: tam.Model, tmp_path: Path) -> None:
    found = model.explain(probe_picture(100, 150), PROMPT, **many_words(model))
    found.save(tmp_path / "saved")
    assert same(tam.load_explanation(tmp_path / "saved"), found)


def test_states_are_those_that_the_head_reads(model: tam.Model) -> None:
    talk = question(pictures(), PROMPT)
    trace = model.record(talk, **many_words(model))
    prompt: Any = encode(model.processor, talk, model.adapter)
    with torch.no_grad():
        logits = model.module(**prompt.inputs).logits[0].float()
    first = trace.text.prompt_targets
    asked = trace.text.context_positions[:first]
    for states, positions in (
        (trace.vision_states, trace.vision.positions),
        (trace.context_states[:first], asked),
    ):
        assert len(positions)
        assert torch.allclose(head_logits(model, states), logits[positions], atol=1e-4)
    told = head_logits(model, trace.context_states[first:]).softmax(-1)
    ids = trace.text.ids[first:]
    assert [p.probability for p in trace.predictions] == pytest.approx(
        told[torch.arange(len(ids)), torch.from_numpy(ids)].tolist(), rel=1e-3
    )


@pytest.mark.parametrize("model", TAKING_CLIPS, indirect=True)
def test_clips_have_a_map_for_every_frame(model: tam.Model) -> None:
    clip = probe_clip(4, 60, 90)
    talk = question([clip], PROMPT)
    written = model.explain_conversation(talk, **many_words(model))
    ids = [token.id for token in written.tokens[written.prompt_targets :]]
    given = model.explain_conversation(talk, answer=ids)
    assert np.allclose(given.maps, written.maps, atol=1e-5)
    assert [word.text for word in given.prompt_words] == PROMPT.split()
    for frame in range(4):
        found = given.token_map(given.prompt_targets, frame=frame)
        assert found.shape == (60, 90)
        assert np.isfinite(found).all()
    shown = [grid.spans for grid in given.grids]
    assert {int(f) for spans in shown for a, b in spans for f in range(a, b)} == {0, 1, 2, 3}


@in_depth
def test_pictures_and_words_of_every_turn_are_found(model: tam.Model) -> None:
    first, second = pictures()
    turns = [("user", (first, PROMPT)), ("assistant", ("a dog",)), ("user", (second, "And here"))]
    talk = Conversation(tuple(Turn(role, parts) for role, parts in turns))
    written = model.explain_conversation(talk, **many_words(model))
    words = [(word.turn, word.text) for word in written.prompt_words]
    assert words == [
        *((0, word) for word in PROMPT.split()),
        *((1, word) for word in ("a", "dog")),
        *((2, word) for word in ("And", "here")),
    ]
    assert {(grid.media, grid.turn) for grid in written.grids} == {(0, 0), (1, 2)}
    ids = [token.id for token in written.tokens[written.prompt_targets :]]
    given = model.explain_conversation(talk, answer=ids)
    assert np.allclose(given.maps, written.maps, atol=1e-5)


def same_states(found: Recording, wanted: Recording) -> bool:
    pairs = (
        (found.trace.vision_states, wanted.trace.vision_states),
        (found.trace.context_states, wanted.trace.context_states),
    )
    same = all(torch.allclose(own, other, atol=2e-5) for own, other in pairs)
    return same and found.run.ids.tolist() == wanted.run.ids.tolist()


@in_depth
def test_the_next_turn_goes_on_from_the_last(model: tam.Model) -> None:
    first, second = pictures()
    talk = question([first], PROMPT)
    options = many_words(model)
    prefix_cache = model.run(talk, answer="a dog").run.prefix_cache
    assert (prefix_cache is None) == (not model.adapter.causal)
    model.run(question([second], "Another talk between"), **options)
    turns = (*talk.turns, Turn("assistant", ("a dog",)), Turn("user", ("And here",)))
    longer = Conversation(turns)
    options = {"max_new_tokens": STEPS, "suppress_tokens": options["suppress_tokens"]}
    assert same_states(
        model.run(longer, prefix_cache=prefix_cache, **options), model.run(longer, **options)
    )


@in_depth
def test_a_batch_gives_the_states_of_each_prompt_alone(model: tam.Model) -> None:
    first, second = pictures()
    talks = [
        question([first], "What is this"),
        question([second], PROMPT + " and where"),
        question([first, second], "Here"),
    ]
    suppressed = many_words(model)["suppress_tokens"]
    options = {"max_new_tokens": STEPS, "suppress_tokens": suppressed}
    for found, talk in zip(
        recordings(model.checkpoint, [lambda talk=talk: talk for talk in talks], 3, options),
        talks,
        strict=True,
    ):
        assert isinstance(found, Recording)
        assert same_states(found, model.run(talk, **options))
