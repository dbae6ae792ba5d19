import io
from dataclasses import replace

import pytest
from rich.console import Console

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.render.terminal import show
from tests.hand_made import explanation, several


def shown(result: Explanation, word: int | None = None, *, color: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=160,
        force_terminal=color,
        color_system="truecolor" if color else None,
    )
    show(result, console, word)
    return stream.getvalue()


def test_the_conversation_and_every_word_are_printed() -> None:
    result = explanation()
    text = shown(result)
    assert "user: What is here?" in text
    assert "assistant: A grey greyhound on a bench." in text
    assert "image 1: dog.png (64×48)" in text
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdigit()]
    assert [row[1] for row in rows] == [word.text for word in result.words]
    assert [row[2] for row in rows] == [f"{word.probability:.1%}" for word in result.words]


def test_the_place_and_the_strongest_earlier_word_are_right() -> None:
    result = explanation()
    word = result.words[2]
    heat = word.map(0)
    line = next(line for line in shown(result).splitlines() if "greyhound  " in line)
    x, y = (int(part) for part in line.split("(")[1].split(")")[0].split(", "))
    assert heat[y, x] == pytest.approx(heat.max(), abs=0.01)
    earlier = (*result.prompt_words, *result.words[:2])
    best = max(earlier, key=word.relevance)
    assert line.split(")")[1].split()[:2] == [best.text, f"{word.relevance(best):.2f}"]


def test_one_word_is_printed_with_its_tokens_and_candidates() -> None:
    text = shown(explanation(), 2)
    for piece in ("␣gr", "ey", "hound", "␣cat", "↵", "猫", "earlier words:"):
        assert piece in text
    with pytest.raises(InputError, match=r"word index 7 is out of range \(0 to 6\)"):
        shown(explanation(), 7)


def test_pictures_and_frames_are_named_where_there_are_several() -> None:
    text = shown(several())
    assert "video 3: walk.mp4 (56×40, 4 frames)" in text
    assert "image 1 (" in text or "image 2 (" in text or "video 3 frame" in text


def test_seen_words_have_another_color_than_words_from_words() -> None:
    result = explanation()
    result.maps[4] = 1
    result.relevance[4] = 0
    result.maps[5] = 0
    line = next(line for line in shown(result, color=True).splitlines() if "assistant" in line)
    assert "\x1b[1;38;2;226;108;22mA\x1b[0m" in line
    assert "\x1b[38;2;134;138;146m grey\x1b[0m" in line


def test_a_scale_of_shares_is_printed_only_where_shares_are_known() -> None:
    known = explanation()
    assert "from earlier words █" in shown(known)
    unknown = replace(known, relevance=None, text_scores=None)
    assert all(word.share is None for word in unknown.words)
    assert "█" not in shown(unknown)


def test_model_text_cannot_steer_the_terminal() -> None:
    hostile = (
        "[red]x[/red]",
        "\x1b]0;owned\x07",
        "\x9b31m",
        "\u202egnp",
        "[link=file:///x]y",
        "\ud800",
    )
    result = explanation(prompt=("[bold]\x1b[2J",), reply=hostile)
    text = shown(result)
    for raw in ("\x1b", "\x07", "\x9b", "\u202e", "\ud800"):
        assert raw not in text
    assert "[red]x[/red]" in text
    assert "[link=file:///x]y" in text


def test_a_map_that_is_zero_is_nowhere() -> None:
    result = explanation()
    result.maps[:] = 0
    assert shown(result).count("nowhere") == len(result.words)
