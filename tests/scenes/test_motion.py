"""Sentences about a clip are true of its objects."""

import re

import numpy as np

from tam.scenes.clips import make_clip
from tam.scenes.language import stated_pairs
from tam.scenes.motion import clip_caption, clip_questions

CLIPS = [make_clip(seed) for seed in range(60)]


def test_a_caption_says_of_every_object_what_it_does():
    behind = 0
    for clip in CLIPS:
        sentences = clip_caption(clip).removesuffix(".").split(". ")
        assert len(sentences) == len(clip.objects)
        for text, item in zip(sentences, clip.objects, strict=True):
            found = re.fullmatch(
                r"A (\w+) (\w+) (\w+) (?:moves (\w+)|is (still))(?:, behind the (\w+ \w+))?", text
            )
            size, color, shape, way, still, front = found.groups()
            assert (size, color, shape) == (item.size, item.color, item.shape)
            assert (way or still) == item.motion
            assert (front is None) == (item.behind is None)
            if front:
                behind += 1
                assert tuple(front.split()) == clip.objects[item.behind].pair
        assert stated_pairs(clip_caption(clip)) == {item.pair for item in clip.objects}
    assert behind >= 5


def test_questions_after_motion_are_true():
    seen = set()
    for clip in CLIPS:
        for item in clip_questions(clip, np.random.default_rng(clip.seed), 6):
            if item.kind == "motion":
                seen.add(clip.objects[item.about].motion)
                assert clip.objects[item.about].motion in item.answer
                assert stated_pairs(item.text) == {clip.objects[item.about].pair}
    assert seen == {"left", "right", "up", "down", "still"}
