"""The check measures the same maps as a user of the toolkit sees."""

import numpy as np
import pytest

import tam
from tam.evaluate.localization import energy_in_object
from tam.media.media import Media, image_from_array
from tam.model.shipped import weights_folder
from tam.scenes.clips import make_clip
from tam.scenes.pointing import STAGES, word_records
from tam.scenes.replies import Dialogue, Speaker
from tam.scenes.world import COLORS, SHAPES, make_scene

CAPTION = "Describe this image."
SCENES = [make_scene(seed, 120, 144, (2, 3)) for seed in (1_100_000_003, 1_100_000_004)]


@pytest.fixture(scope="module")
def speaker():
    return Speaker(weights_folder("small"))


@pytest.fixture(scope="module")
def model():
    return tam.load("small")


def _energies(explanation, truth):
    """Return the heat inside the objects of each true one-token word, in order."""
    found = []
    for word in explanation.words:
        masks = [mask for pair, mask in truth.items() if word.text.strip(" .,") in pair]
        if masks and len(word.targets) == 1:
            frames = np.logical_or.reduce(masks)
            heat = np.concatenate([word.map(frame=2 * at) for at in range(len(frames))])
            found.append(energy_in_object(heat, np.concatenate(list(frames))))
    return found


def _recorded(speaker, reply, truth):
    single = {"triangle": 2, "purple": 2}
    return [
        record.measures["energy_in_object", "tam"]
        for record in word_records(speaker, reply, truth, 0)
        if record.word not in single
    ]


def test_the_words_of_a_caption_are_measured_as_they_are_explained(speaker, model):
    replies = speaker.replies([Dialogue((scene.image,), (CAPTION,)) for scene in SCENES])
    for scene, reply in zip(SCENES, replies, strict=True):
        truth = {item.pair: item.mask[None] for item in scene.objects}
        seen = model.explain(image_from_array(scene.image, "scene"), CAPTION)
        assert reply.text == seen.text.strip()
        measured = _recorded(speaker, reply, truth)
        assert measured
        assert measured == pytest.approx(_energies(seen, truth), abs=0.01)


def test_so_are_those_of_a_third_turn_beside_a_longer_conversation(speaker, model):
    texts = ("Is there a star?", "How many objects are there?", CAPTION)
    scene = SCENES[0]
    truth = {item.pair: item.mask[None] for item in scene.objects}
    chat = tam.Chat(model)
    chat.say(texts[0], [image_from_array(scene.image, "scene")])
    chat.say(texts[1])
    third = chat.say(texts[2])
    before = [explanation.text.strip() for explanation in chat.explanations[:2]]
    said = (texts[0], before[0], texts[1], before[1], texts[2])
    longer = ("What shape is the red object?", *said[1:])
    replies = speaker.replies([Dialogue((scene.image,), said), Dialogue((scene.image,), longer)])
    assert replies[0].text == third.text.strip()
    measured = _recorded(speaker, replies[0], truth)
    assert measured
    assert measured == pytest.approx(_energies(third, truth), abs=0.01)


def test_so_are_those_of_a_clip_in_every_grid(speaker, model):
    clip = make_clip(1_100_000_001)
    truth = {
        item.pair: np.stack([item.mask[at : at + 2].any(axis=0) for at in (0, 2, 4)])
        for item in clip.objects
    }
    (reply,) = speaker.replies([Dialogue((clip.frames,), ("Describe this video.",))])
    media = Media(clip.frames, np.arange(6) / 2, "clip", "video")
    seen = model.explain(media, "Describe this video.")
    assert reply.text == seen.text.strip()
    measured = _recorded(speaker, reply, truth)
    assert measured
    assert measured == pytest.approx(_energies(seen, truth), abs=0.01)


def test_only_true_words_are_measured_and_time_counts(speaker):
    scene = SCENES[0]
    (reply,) = speaker.replies([Dialogue((scene.image,), (CAPTION,))])
    assert word_records(speaker, reply, {}, 0) == []
    pair = next(
        (color, shape) for color in COLORS for shape in SHAPES if f"{color} {shape}" in reply.text
    )
    everywhere = {pair: np.ones((1, 120, 144), bool)}
    records = word_records(speaker, reply, everywhere, 5)
    assert {record.word for record in records} == set(pair)
    for record in records:
        assert (record.scene, record.chance, record.center) == (5, 1.0, 1.0)
        assert record.kind == ("color" if record.word in COLORS else "shape")
        for stage in STAGES:
            assert record.measures["peak_in_object", stage] == record.in_time[stage] == 1.0
