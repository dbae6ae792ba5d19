import io

import numpy as np
import pytest
from rich.console import Console

from tam.explanation.explanation import Explanation
from tam.render import overlays
from tam.render.terminal_map import print_map, word_map
from tests.hand_made import explanation, grid, picture, several


class Latin(io.StringIO):
    """A stream that does not write Unicode."""

    encoding = "latin-1"


def console(
    width: int = 100,
    colors: str | None = "truecolor",
    stream: io.StringIO | None = None,
    **more: bool,
) -> Console:
    return Console(
        file=stream or io.StringIO(),
        width=width,
        force_terminal=colors is not None,
        color_system=colors,
        legacy_windows=False,
        **more,
    )


def one_bright_cell() -> Explanation:
    """A map that is 1 in the upper left quarter of a picture and 0 elsewhere."""
    box = (0.0, 0.0, 64.0, 48.0)
    result = explanation([picture()], [grid(0, (1, 2, 2), box)])
    result.maps[:] = 0
    result.maps[:, 0] = 1
    return result


def test_half_blocks_show_the_map_over_the_picture() -> None:
    result = one_bright_cell()
    lines = word_map(result.words[0], console())
    name, *rows, ramp = lines
    assert name.plain == "dog.png"
    assert {row.plain for row in rows} == {"▀" * 53}
    assert len(rows) == 20
    drawn = overlays(result.words[0], {0: 0})
    for row, column in ((0, 0), (19, 52), (5, 10), (12, 40)):
        style = rows[row].get_style_at_offset(console(), column)
        assert style.color is not None
        assert style.bgcolor is not None
        x = int((column + 0.5) * 64 / 53)
        for found, part in ((style.color.triplet, 0.25), (style.bgcolor.triplet, 0.75)):
            expected = drawn[int((row + part) * 48 / 20), x]
            np.testing.assert_allclose(found, expected, atol=15)
    assert ramp.plain.startswith("0 █")
    assert ramp.plain.endswith("█ 1")


@pytest.mark.parametrize(
    ("made", "shades"),
    [
        (console(colors=None), " ░▒▓█"),
        (console(colors="standard"), " ░▒▓█"),
        (console(no_color=True), " ░▒▓█"),
        (console(stream=Latin()), " .:-=+*#%@"),
        (console(colors=None, stream=Latin()), " .:-=+*#%@"),
    ],
    ids=["pipe", "16 colors", "NO_COLOR", "latin-1", "latin-1 pipe"],
)
def test_without_colors_shades_show_the_map_alone(made: Console, shades: str) -> None:
    _, *rows, legend = word_map(one_bright_cell().words[0], made)
    text = [row.plain for row in rows]
    assert set("".join(text)) <= set(shades)
    assert text[0][0] == shades[-1]
    assert text[-1][-1] == shades[0]
    assert text[0][-1] == shades[0]
    assert shades in legend.plain


@pytest.mark.parametrize("width", [100, 40, 24, 16])
@pytest.mark.parametrize("colors", [None, "truecolor"])
def test_nothing_is_wider_than_the_console(width: int, colors: str | None) -> None:
    made = console(width, colors)
    lines = word_map(several().words[2], made)
    assert len(lines) > 10
    print_map(several().words[2], made)
    assert isinstance(made.file, io.StringIO)
    printed = made.file.getvalue().splitlines()
    assert len(printed) == len(lines)


def test_a_console_too_narrow_for_a_map_shows_none() -> None:
    assert word_map(explanation().words[0], console(15)) == []


def test_a_tower_of_a_picture_is_drawn_thin() -> None:
    tower = explanation([picture(200, 8)], [grid(0, (1, 2, 1), (0.0, 0.0, 8.0, 200.0))])
    _, *rows, _ = word_map(tower.words[0], console(colors=None))
    assert {len(row.plain) for row in rows} == {2}


def test_a_clip_shows_its_strongest_frame_and_its_curve() -> None:
    result = several()
    result.maps[:, -40:] = 0.5  # the clip: two temporal cells of 4 x 5
    result.maps[:, -1] = 1
    lines = [line.plain for line in word_map(result.words[0], console())]
    assert "walk.mp4, frame 3 at 1.00 s" in lines
    assert lines[-1] == "over time ▅▅██"


def test_a_name_cannot_steer_the_terminal() -> None:
    hostile = picture(name="\x1b]0;owned\x07[red]x\nb")
    (name, *_) = word_map(explanation([hostile]).words[0], console())
    assert name.plain == "]0;owned[red]x b"
