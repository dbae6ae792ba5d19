"""Dropped text and cut replies are reported wherever the text is shown."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tam.cli.summary import summary
from tam.explanation.data import CUT_MARK
from tam.files.storage import load_explanation, save_explanation
from tam.geometry.layout import DroppedText
from tam.render.caption import running_text
from tam.render.terminal import show
from tests.hand_made import explanation, with_unread

THOUGHT = "<think>It is\x1b[2J red.</think>"


def shown(result: Any) -> list[str]:
    stream = io.StringIO()
    show(result, Console(file=stream, width=200))
    return stream.getvalue().splitlines()


@pytest.mark.promise(
    "conversations",
    "a part of a turn that the chat template drops, such as earlier reasoning",
    "marked as not read in the terminal, the report and JSON, also after saving",
)
def test_what_was_not_read_stands_in_its_place(tmp_path: Path) -> None:
    result = with_unread(explanation(), "before", THOUGHT, "behind")
    save_explanation(result, tmp_path)
    for found in (result, load_explanation(tmp_path)):
        assert [part.text for part in found.dropped] == ["before", THOUGHT, "behind"]
        [user] = [line for line in shown(found) if line.startswith("user: ")]
        assert user == (
            "user: [not read by the model: before] What[not read by the model: <think>It is[2J "
            "red.</think>]  is[not read by the model: behind]  here?"
        )
        assert summary(found)["dropped"][1] == {
            "turn": 0,
            "role": "user",
            "text": THOUGHT,
            "before_token": 1,
        }
    long = with_unread(explanation(), "word " * 5000)
    assert max(map(len, shown(long))) < 1000


def test_a_turn_of_which_nothing_was_read_is_shown() -> None:
    part = {"turn": 7, "role": "user", "text": "gone", "before_token": 4}
    result = replace(explanation(), provenance={"dropped_text": [part]})
    assert "user: [not read by the model: gone] " in shown(result)


@pytest.mark.promise(
    "conversations",
    "a reply that was cut off at max_new_tokens",
    "the terminal, the report, JSON, sheets and movies say so",
)
def test_a_cut_reply_says_so() -> None:
    result = with_unread(explanation())
    assert any(line.endswith(f"a bench. {CUT_MARK}") for line in shown(result))
    assert summary(result)["cut"] is True
    assert running_text(result, 600).placed[-1].piece.text == CUT_MARK
    whole = replace(result, provenance={"cut": False})
    assert summary(whole)["cut"] is False
    assert not any(CUT_MARK in line for line in shown(whole))
    assert explanation().cut is None


@pytest.mark.parametrize(
    "found",
    [
        *(None, 5, "x", {}, [None], [[]], ["x"], [{}], [{"turn": 0}]),
        *(
            [{"turn": turn, "role": role, "text": text, "before_token": 0}]
            for turn, role, text in ((-1, "", ""), (True, "", ""), (0, 3, ""), (0, "", 3))
        ),
    ],
)
def test_a_damaged_provenance_drops_nothing(found: Any) -> None:
    result = replace(explanation(), provenance={"dropped_text": found, "cut": found})
    assert result.dropped == ()
    assert result.cut is None
    good = DroppedText(0, "user", "said", 1)
    result = replace(explanation(), provenance={"dropped_text": [found, vars(good)]})
    assert result.dropped == (good,)
