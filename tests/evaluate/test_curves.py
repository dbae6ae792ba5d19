"""EAGLE's curves: by hand, by scikit-learn's area, and on a scene at each level."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import auc

import tam
from tam.evaluate.curve_files import eagle_curves, write_curves
from tam.evaluate.curves import NAMES, Curves, curve_lines, curves, measured_words
from tam.evaluate.faithfulness import Frames
from tam.evaluate.journal import Block
from tam.evaluate.metrics import METRICS
from tam.evaluate.plan import Plan
from tam.evaluate.runner import item_blocks
from tam.evaluate.scene_items import scene_items
from tam.evaluate.stacking import stacked_frames
from tam.evaluate.tagging import scene_tagger
from tam.replay import Replay
from tam.text.levels import LEVELS

# A bright quarter on black.
FRAMES = np.zeros((1, 8, 8, 3), np.uint8)
FRAMES[0, :4, :4] = 200
QUARTER = (FRAMES[..., 0] > 0).astype(np.float32)


def read(versions: Sequence[Frames]) -> NDArray[np.float64]:
    """Of two words one is as probable as the quarter is visible, the other one half."""
    seen = [max((v[0, :4, :4, 0] > 150).mean(), 1e-12) for v in versions]
    return np.log([[share, 0.5] for share in seen])


def test_the_areas_are_those_of_the_mean_probability() -> None:
    best, worst = (curves(FRAMES, sign * QUARTER, read, 4) for sign in (1, -1))
    assert best.shares.tolist() == [0, 1 / 16, 1 / 4, 9 / 16, 1]
    assert best.inserted[:, 0] == pytest.approx([0, 1 / 4, 1, 1, 1], abs=1e-9)
    assert best.deleted[:, 0] == pytest.approx([1, 3 / 4, 0, 0, 0], abs=1e-9)
    assert best.insertion == pytest.approx((7 / 8 + 1 / 2) / 2)
    assert best.deletion == pytest.approx((1 / 8 + 1 / 2) / 2)
    assert worst.insertion == pytest.approx((7 / 32 + 1 / 2) / 2)
    assert worst.deletion == pytest.approx((25 / 32 + 1 / 2) / 2)
    assert best.highest == worst.highest == pytest.approx(3 / 4)


def test_the_highest_probability_may_be_that_of_a_part() -> None:
    def against(versions: Sequence[Frames]) -> NDArray[np.float64]:
        whole = np.array([(v[0, 4:, 4:, 0] < 10).mean() for v in versions])
        return read(versions) + np.log(1 - whole / 2)[:, None]

    found = curves(FRAMES, QUARTER, against, 4)
    assert found.inserted[-1].mean() == pytest.approx(3 / 8)
    assert found.highest == pytest.approx(3 / 4)


def test_the_file_gives_the_published_script_the_same_figures() -> None:
    """The script adds the start of each curve from the other one's end, and asks scikit-learn."""
    rng = np.random.default_rng(0)
    shares = np.sort(np.array([0, *rng.random(5), 1]))
    inserted, deleted = rng.random((7, 3)), rng.random((7, 3))
    deleted[0], deleted[-1] = inserted[-1], inserted[0]
    found = Curves(shares, inserted, deleted)
    line = {
        "words": ["a", "b", "c"],
        "shares": shares.tolist(),
        "inserted": inserted.tolist(),
        "deleted": deleted.tolist(),
    }
    file = json.loads(json.dumps(eagle_curves(line)))
    area = np.array([0, *file["region_area"]])
    up = [file["deletion_score"][-1], *file["insertion_score"]]
    down = [file["insertion_score"][-1], *file["deletion_score"]]
    assert auc(area, up) == pytest.approx(found.insertion)
    assert auc(1 - area, down) == pytest.approx(found.deletion)
    assert max(up) == pytest.approx(found.highest)
    assert np.array(file["insertion_word_score"]).mean(1) == pytest.approx(file["insertion_score"])
    assert np.array(file["deletion_word_score"]).mean(1) == pytest.approx(file["deletion_score"])


def test_every_figure_is_a_metric_with_its_direction() -> None:
    assert set(NAMES) <= set(METRICS)
    assert {name for name in NAMES if METRICS[name].less_is_better} == {
        f"{level}_deletion" for level in LEVELS
    }


@pytest.fixture(scope="module")
def replay() -> Replay:
    small = tam.load("small")
    [item] = scene_items("false", 1)
    return Replay(small.checkpoint, small.run(item.conversation, answer=item.answer))


def test_false_words_and_words_without_content_are_left_out(replay: Replay) -> None:
    [item] = scene_items("false", 1)
    text = replay.trace.text
    [(start, stop)] = item.false_spans
    said = [
        "".join(text.tokens[t].text for t in ts).strip()
        for ts in measured_words(replay.trace, item)
    ]
    every = [w.strip(".,") for w in text.reply.split()]
    others = {"a", "A", "and", "The", "the", "is", "left", "right", "of", "above", "below"}
    expected = [word for word in every if word not in others]
    expected.remove(text.reply[start:stop])
    assert said == expected


def test_groups_are_measured_by_the_mean_of_their_maps(replay: Replay) -> None:
    [item] = scene_items("false", 1)
    words = measured_words(replay.trace, item)
    found = tam.load("small").explain_recording(replay.recording)
    by_level = {level: curve_lines(found, words, replay, level, 2) for level in LEVELS}
    assert [len(by_level[level]) for level in LEVELS][::2] == [len(words), 1]
    assert 1 < len(by_level["phrase"]) < len(words)
    [line] = by_level["sentence"]
    assert line["words"] == [word for other in by_level["word"] for word in other["words"]]
    # At both ends nothing depends on the map, so each word has what it has alone.
    for place in (0, -1):
        alone = [other["inserted"][place][0] for other in by_level["word"]]
        assert line["inserted"][place] == pytest.approx(alone, abs=1e-4)
        assert line["deleted"][-1 - place] == line["inserted"][place]
    probabilities = [found.words[found.word_numbers[tuple(w)]].probability for w in words]
    assert line["inserted"][-1] == pytest.approx(probabilities, abs=1e-3)
    heat = np.mean([found.words[found.word_numbers[tuple(w)]].map() for w in words], axis=0)
    steps = [[target - found.prompt_targets for target in word] for word in words]

    def mean_of_all(versions: Sequence[Frames]) -> NDArray[np.float64]:
        media = replay.trace.media[0]
        edited = [[type(media)(v, media.times, media.name)] for v in versions]
        logs = replay.log_probabilities(edited)
        return np.stack([logs[:, own].sum(1) for own in steps], axis=1)

    again = curves(stacked_frames(replay.trace.media), heat[None], mean_of_all, 2)
    assert line["sentence_insertion"] == pytest.approx(again.insertion, abs=1e-4)


def test_a_run_measures_levels_without_location_and_writes_files(tmp_path: Path) -> None:
    [item] = scene_items("one", 1)
    plan = Plan(splits=("one",), levels=("phrase", "sentence"), location=False, steps=2)
    [block] = item_blocks(plan, tam.load("small"), "small", ["tam"], item, scene_tagger())
    assert [line["kind"] for line in block.words] == ["curve", "curve"]
    phrase, sentence = block.words
    assert 0 <= sentence["sentence_insertion"] <= sentence["sentence_highest"] <= 1
    assert "phrase_insertion" in phrase
    assert block.item["targets"] == len(sentence["words"])
    read_back = Block({**block.item, "item": "two"}, block.words)
    varied = [Block({**block.item, "method": f"t[layer={n}]"}, block.words[:1]) for n in (1, -1)]
    files = write_curves([block, read_back, *varied], tmp_path)
    shown = [path.relative_to(tmp_path).as_posix() for path in files]
    assert shown == [
        "curves/small/tam/phrase/json/00000-test-one-00000-00.json",
        "curves/small/tam/sentence/json/00000-test-one-00000-01.json",
        "curves/small/tam/phrase/json/00001-two-00.json",
        "curves/small/tam/sentence/json/00001-two-01.json",
        "curves/small/t-layer-1/phrase/json/00000-test-one-00000-00.json",
        "curves/small/t-layer-1-2/phrase/json/00000-test-one-00000-00.json",
    ]
    assert json.loads(files[1].read_text("utf-8"))["region_area"] == [0.25, 1]


def test_a_method_that_knows_levels_searches_for_the_group(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the maps of single searches would be merged."""
    regions: list[int] = []

    def counted(_objective: object, count: int, *_options: int) -> tuple[list[int], list[float]]:
        regions.append(count)
        return list(range(count)), list(np.linspace(0, 1, count + 1))

    monkeypatch.setattr("tam.methods.eagle.searched", counted)
    [item] = scene_items("false", 1)
    plan = Plan(levels=("sentence",), location=False, steps=2)
    small = tam.load("small")
    [block] = item_blocks(plan, small, "small", ["eagle"], item, scene_tagger())
    assert len(regions) == 1
    assert block.item["targets"] == sum(map(len, measured_words(replay.trace, item)))
