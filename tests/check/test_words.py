"""Words checked through a real model, against passes that are made by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tam
from tam.check.fillers import hiding
from tam.check.rebuilding import rebuilt
from tam.check.regions import grown, marked
from tam.check.words import passes, words_to_check
from tam.cli import run
from tam.defaults import GROWTH
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.prompt.conversation import question
from tam.replay import Replay
from tam.testing import probe_clip, probe_picture
from tam.text.counting import number_of


@pytest.fixture(scope="module")
def checked(small: tam.Model, described: Explanation) -> Explanation:
    return small.check(described, top=2, batch=5)


def test_a_check_holds_what_the_model_says_without_the_region(
    small: tam.Model, described: Explanation, checked: Explanation
) -> None:
    recording = small.run(
        question(described.media, "Describe this image."),
        answer=[token.id for token in described.tokens[described.prompt_targets :]],
    )
    replay = Replay(small.checkpoint, recording)
    measured = [word for word in checked.words if word.check and word.check.without is not None]
    assert measured
    for word in measured:
        region = marked(word)
        assert region is not None
        hidden = hiding(described.media[0], "blur")(grown(region, GROWTH).mask)
        logs = replay.log_probabilities([described.media, [hidden]])
        steps = [target - described.prompt_targets for target in word.targets]
        assert word.check is not None
        assert word.check.before == pytest.approx(logs[0, steps].sum(), abs=1e-3)
        assert word.check.without == pytest.approx(logs[1, steps].sum(), abs=1e-3)
        assert len(word.check.elsewhere) == 8


def test_the_passes_are_told_before(described: Explanation, checked: Explanation) -> None:
    regions = [1 + len(check.elsewhere) for check in checked.checks if check.without is not None]
    assert passes(described, top=2) == 2 + sum(regions)


def test_content_words_with_the_highest_maps_are_checked(
    described: Explanation, checked: Explanation
) -> None:
    words = words_to_check(described)
    assert {word.text for word in words}.isdisjoint({"a", "A", "and", ".", ",", "is", "of"})
    highest = sorted(words, key=lambda word: -(word.visual or 0))[:2]
    assert {check.targets for check in checked.checks} == {word.targets for word in highest}


def test_checks_of_other_words_are_kept(small: tam.Model, checked: Explanation) -> None:
    known = replace(checked, maps=np.zeros_like(checked.maps))
    more = small.check(known, [0])
    assert set(checked.checks) < set(more.checks)
    assert more.words[0].check is not None
    assert more.words[0].check.reason == "no-evidence"


def test_a_region_over_two_fifths_of_the_picture_is_not_checked(
    small: tam.Model, described: Explanation
) -> None:
    maps = np.zeros_like(described.maps)
    maps[:, : int(0.5 * maps.shape[1])] = 1
    result = small.check(replace(described, maps=maps), [1])
    assert result.words[1].check is not None
    assert result.words[1].check.reason == "too-large"


def test_what_is_hidden_follows_the_growth_and_the_threshold(
    small: tam.Model, described: Explanation
) -> None:
    choice = [max(words_to_check(described), key=lambda word: word.visual or 0)]
    found = {
        options: small.check(described, choice, growth=options[0], threshold=options[1]).checks[0]
        for options in [(0.0, "otsu"), (0.05, "otsu"), (0.0, 0.9)]
    }
    assert len({check.without for check in found.values()}) == len(found)
    for options, check in found.items():
        assert (check.growth, check.threshold) == options


@pytest.mark.parametrize(
    "options",
    [
        {"top": 0},
        {"controls": 7},
        {"batch": 0},
        {"filler": "grey"},
        {"growth": -0.1},
        {"threshold": 0.0},
        {"threshold": "half"},
    ],
)
def test_impossible_options_are_refused(
    options: dict[str, Any], small: tam.Model, described: Explanation
) -> None:
    with pytest.raises(InputError):
        small.check(described, **options)


def test_another_picture_and_another_conversation_are_refused(
    small: tam.Model, described: Explanation
) -> None:
    other = replace(described.media[0], frames=255 - described.media[0].frames)
    with pytest.raises(InputError, match="other probabilities"):
        small.check(replace(described, media=(other,)), [1])
    moved = replace(described.tokens[0], position=described.tokens[0].position + 1)
    with pytest.raises(InputError, match="encodes the conversation as other tokens"):
        small.check(replace(described, tokens=(moved, *described.tokens[1:])), [1])


def test_conversations_of_several_turns_and_pictures_are_rebuilt(llava_folder: Path) -> None:
    model = tam.load(llava_folder)
    chat = model.chat(system="Answer briefly.")
    chat.say("What is here?", [probe_picture(60, 90)], max_new_tokens=3)
    last = chat.say("And here?", [probe_picture(80, 50, seed=1)], max_new_tokens=3)
    replay = rebuilt(model.checkpoint, last)
    assert np.array_equal(replay.trace.text.ids, [token.id for token in last.tokens])
    assert [item.name for item in replay.trace.media] == [item.name for item in last.media]


def test_clips_are_rebuilt(small: tam.Model) -> None:
    result = small.explain(probe_clip(3, 48, 64), "What is here?", answer="A red ring.")
    assert len(rebuilt(small.checkpoint, result).trace.media[0].frames) == 3


def test_without_a_box_of_ones_own(small: tam.Model, described: Explanation) -> None:
    nothing = small.without(described, (0, 0, 96, 96), reply=True)
    assert [loss.word.text for loss in nothing.losses] == [word.text for word in described.words]
    assert min(loss.without - loss.before for loss in nothing.losses) < -1
    assert nothing.reply
    assert nothing.reply != described.text
    with pytest.raises(InputError, match="holds no pixel"):
        small.without(described, (96, 0, 200, 96))


def test_the_command_line_keeps_and_shows_what_was_found(
    checked: Explanation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked.save(tmp_path / "out")
    assert tam.load_explanation(tmp_path / "out").checks == checked.checks
    word = str(number_of(checked.words[1].index))
    assert run(["check", str(tmp_path / "out"), "-m", "small", "-w", word, "--json"]) == 0
    told = capsys.readouterr()
    assert "passes over prompt and reply" in told.err
    words = json.loads(told.out)["words"]
    saved = tam.load_explanation(tmp_path / "out")
    assert saved.words[1].check is not None
    assert words[1]["check"]["sentence"] == saved.words[1].check.sentence
    assert run(["check", str(tmp_path / "out"), "-m", "small-aligned", "-w", word]) == 2
    assert "small-aligned: this model cannot check" in capsys.readouterr().err
    assert run(["show", str(tmp_path / "out")]) == 0
    assert "checked" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "line"), [("--box 1,2", "is not a box"), ("--box 0,0,9,9", "")])
def test_a_box_on_the_command_line(
    words: str,
    line: str,
    described: Explanation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    described.save(tmp_path / "out")
    code = run(["check", str(tmp_path / "out"), "-m", "small", *words.split()])
    told = capsys.readouterr()
    assert code == (2 if line else 0)
    assert line in told.err
    assert bool(line) or described.words[0].text in told.out
    assert not tam.load_explanation(tmp_path / "out").checks


def test_check_stands_alone_or_before_a_number(
    tmp_path: Path, described: Explanation, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    picture = tmp_path / "scene.png"
    Image.fromarray(described.media[0].frames[0]).save(picture)
    asked = ["explain", "-p", "Describe this image.", "-m", "small", "-o", str(tmp_path / "out")]
    assert run([*asked, "--max-new-tokens", "4", "--check", "top=1", str(picture)]) == 0
    assert len(tam.load_explanation(tmp_path / "out").checks) == 1
    assert "Checking 1 words" in capsys.readouterr().err
    assert run([*asked, "--check=most", str(picture), "--force"]) == 2
    assert "not of the form top=N" in capsys.readouterr().err
