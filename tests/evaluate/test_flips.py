"""Flips: by hand on scenes, where hiding an object changes its words, and leads against logits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import tam
from tam.cli import run
from tam.evaluate.curves import measured_words
from tam.evaluate.flips import SHARE, flip_lines, preferred_words
from tam.evaluate.scene_items import scene_items
from tam.evaluate.stacking import stacked_frames, unstacked
from tam.methods import explain
from tam.replay import Replay
from tam.replay.readings import leads_of, log_probabilities_of


def test_leads_and_log_probabilities_by_hand() -> None:
    logits = torch.tensor([[[1.0, 3.0, 2.0], [5.0, 0.0, 1.0]]])
    ids = torch.tensor([1, 2])
    assert leads_of(logits, ids).tolist() == [[1.0, -4.0]]
    expected = logits.log_softmax(-1)[0, [0, 1], ids]
    assert torch.allclose(log_probabilities_of(logits, ids)[0], expected)
    assert logits[0, 0, 1] == 3.0, "the logits are left as they were"


def test_a_word_flips_where_its_object_is_hidden_and_not_elsewhere() -> None:
    model = tam.load("small")
    [item] = scene_items("one", 1)
    recording = model.run(item.conversation)
    replay = Replay(model.checkpoint, recording)
    words = preferred_words(replay, measured_words(recording.trace, item))
    assert words == measured_words(recording.trace, item), "the model wrote them all itself"
    explanation = explain("tam-plus", recording.trace, replay)
    lines = flip_lines(explanation, words, replay)
    assert {line["kind"] for line in lines} == {"flip"}
    mask = np.logical_or.reduce(list(item.masks.values()))
    assert mask.mean() < SHARE
    flips = {line["word"]: line["flips"] for line in lines}
    shown = set(item.references[0].rstrip(".").split()[-2:])
    assert {flips[word] for word in shown} == {1.0}
    control = explain("center", recording.trace, replay)
    if not mask[mask.shape[0] // 2, mask.shape[1] // 2]:
        assert sum(line["flips"] for line in flip_lines(control, words, replay)) < sum(
            flips.values()
        )


def test_flips_are_those_of_the_model_s_next_word() -> None:
    model = tam.load("small")
    [item] = scene_items("one", 1, first=1)
    recording = model.run(item.conversation)
    replay = Replay(model.checkpoint, recording)
    frames = stacked_frames(recording.trace.media)
    grey = np.full_like(frames, 128)
    [media] = [unstacked(grey, recording.trace.media)]
    leads = replay.leads([media])[0]
    assert replay.leads([recording.trace.media]).min() > 0
    logits = replay.log_probabilities([media])[0]
    assert (leads[logits > np.log(0.5)] > 0).all(), "more than half is more than any other"
    assert (leads[logits < np.log(1e-3)] < 0).all()


def test_the_command_measures_flips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", "--split", "many", "--count", "2", "--methods", "tam-plus,random"]
    more = ["--flips", "--no-location", "--faithful-words", "0", "--json", "--out"]
    assert run([*asked, *more, str(tmp_path / "out")]) == 0
    rows = json.loads(capsys.readouterr().out)
    marked, control = (row["figures"]["flips"]["value"] for row in rows)
    assert 0 <= control < marked <= 1
