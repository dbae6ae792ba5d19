"""Scenes on which models invent words: how replies are judged, and what detectors read."""

from dataclasses import dataclass

import numpy as np
import pytest

import tam
from tam.evaluate.data_sets import open_data
from tam.evaluate.detectors import (
    Layers,
    contextual_lens,
    detect,
    global_local,
    prelim_attention,
    visual_attention,
)
from tam.evaluate.invented_items import INVENTED_SPLITS, disturbed, false_spans, invented_items
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks
from tam.evaluate.tagging import scene_tagger
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.scenes.language import stated_pairs


@dataclass(frozen=True)
class Thing:
    color: str
    shape: str
    size: str = "small"

    @property
    def pair(self) -> tuple[str, str]:
        return self.color, self.shape


SHOWN = [Thing("red", "ring"), Thing("blue", "star")]


@pytest.mark.parametrize(
    ("text", "false"),
    [
        ("A small red ring and a large blue star.", []),
        ("A green ring.", ["green"]),
        ("A red cross.", ["cross"]),
        ("A green cross and a blue star.", ["green", "cross"]),
        ("A blue ring.", ["blue"]),
        ("The red ring is left of the red star.", ["red"]),
        ("No green at all.", []),
    ],
)
def test_a_pair_is_held_to_the_objects(text: str, false: list[str]) -> None:
    spans = false_spans(text, SHOWN)
    assert [text[first:last] for first, last in spans] == false


@pytest.mark.parametrize("split", INVENTED_SPLITS)
def test_items_are_reproducible_and_their_references_true(split: str) -> None:
    [first, second] = invented_items(split, 2, world="validation")
    [again] = invented_items(split, 1, world="validation", first=1)
    assert first.name != second.name == again.name
    assert np.array_equal(second.media[0].frames, again.media[0].frames)
    assert second.generation == again.generation != first.generation
    assert second.with_reply(second.references[0]).false_spans == ()
    count = len(stated_pairs(second.references[0]))
    assert count > 4 if split == "invented-crowd" else 2 <= count <= 4
    assert all(mask.shape == second.size for mask in second.masks.values())


def test_a_disturbed_picture_is_the_same_again_and_another() -> None:
    image = np.full((8, 8, 3), 128, np.uint8)
    assert np.array_equal(disturbed(image, 3, 1, 20), disturbed(image, 3, 1, 20))
    assert 5 < disturbed(image, 3, 1, 20).std() < disturbed(image, 3, 1, 40).std() < 50
    assert np.array_equal(disturbed(image, 3, 0, 0), image)


def test_worlds_share_no_scene_of_unseen_pairs() -> None:
    shown = [next(invented_items("invented-unseen", 1, world=world)) for world in ("train", "test")]
    assert not np.array_equal(*(item.media[0].frames for item in shown))


def test_the_splits_are_asked_for_by_name_alone() -> None:
    items, _ = open_data("scenes", count=1)
    assert not {item.split for item in items} & set(INVENTED_SPLITS)
    items, _ = open_data("scenes", splits=["invented-small"], count=1)
    assert [item.size for item in items] == [(64, 64)]


def test_what_the_model_samples_is_judged_and_measured() -> None:
    model = tam.load("small")
    [item] = invented_items("invented-unseen", 1, first=3)
    blocks = [
        next(item_blocks(Plan(faithful_words=0), model, "small", ["activation"], item, tagger))
        for tagger in (scene_tagger(), scene_tagger())
    ]
    assert blocks[0].words == blocks[1].words != ()
    recording = model.run(item.conversation, **item.generation)
    replay = Replay(model.checkpoint, recording)
    scores = detect(replay)
    count = len(recording.trace.predictions)
    assert {values.shape for values in scores.values()} == {(count,)}
    for name, low, high in [
        ("probability", -99, 0),
        ("entropy", -9, 0),
        ("internal confidence", 0, 1),
        ("contextual lens", -1, 1),
        ("global-local", -1, 1),
        ("removal", 0, 1),
    ]:
        assert low <= scores[name].min() <= scores[name].max() <= high + 1e-6, name


def test_what_the_last_layer_shows_is_what_the_head_reads(small_trace: Replay) -> None:
    trace = small_trace.trace
    first = trace.text.prompt_targets
    shown = trace.lm_head.logits(trace.vision_states).detach().softmax(-1)
    found = detect(small_trace)["internal confidence"]
    assert (found >= shown[:, trace.text.ids[first:]].amax(0).numpy() - 1e-5).all()


@pytest.fixture(scope="module")
def small_trace() -> Replay:
    model = tam.load("small")
    [item] = invented_items("invented", 1)
    return Replay(model.checkpoint, model.run(item.conversation, answer="A red ring."))


def test_detectors_by_hand(small_trace: Replay) -> None:
    import torch

    trace: Trace = small_trace.trace
    length = trace.text.tokens[-1].position + 2
    places, own = trace.vision.positions, trace.text.tokens[-1].position
    states = torch.zeros(6, length, 2)
    states[:, :, 0] = 1
    states[:, own] = torch.tensor([0.6, 0.8])
    states[:, int(places[3])] = torch.tensor([0.0, 2.0])
    assert contextual_lens(trace, states)[-1] == pytest.approx(0.8)
    shown = torch.zeros(len(places), len(trace.predictions))
    shown[3] = 1
    # The whole: 0.6. Eight cells: the fourth has 0.8, seven others 0.6.
    wanted = 0.5 * 0.6 + 0.5 * (0.8 + 7 * 0.6) / 8
    assert global_local(trace, states, shown)[-1] == pytest.approx(wanted)
    attention = torch.zeros(6, length, length)
    attention[1, own, int(places[0])] = 0.25
    attention[2, own, int(places[1])] = 0.5
    attention[5, own, int(places[1])] = 1.0  # behind the middle layers
    layers = Layers(states, attention)
    assert visual_attention(trace, layers.attention)[-1] == pytest.approx(0.75)


def test_attention_to_the_reply_s_own_words_by_hand(small_trace: Replay) -> None:
    import torch

    trace: Trace = small_trace.trace
    reply = trace.text.tokens[trace.text.prompt_targets :]
    length = reply[-1].position + 2
    attention = torch.zeros(3, length, length)
    attention[1] = 1.0  # another layer
    predicting = reply[-1].context_position
    attention[0, predicting, reply[0].position] = 0.25
    attention[0, predicting, predicting] = 0.5  # the word before
    attention[0, predicting, int(trace.vision.positions[0])] = 0.125  # the picture
    attention[0, reply[-1].position] = 1.0  # where it is the input
    found = prelim_attention(trace, attention)
    assert found[-1] == pytest.approx(-0.75)
    assert found[0] == 0.0, "nothing of the reply comes before its first token"
