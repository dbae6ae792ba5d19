import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam.errors import InputError, SetupError
from tam.render import overlay
from tam.render.colors import color
from tam.render.plot import plot
from tests.hand_made import explanation, several


def panels(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.get_images()]


def shown(axes: Any) -> np.ndarray[Any, Any]:
    return np.asarray(axes.get_images()[0].get_array())


def test_each_chosen_word_has_its_map_its_text_and_its_probability() -> None:
    result = explanation()
    figure = plot(result, [2, "on a bench"])
    first, second = panels(figure)
    word = result.words[2]
    expected = overlay(result.media[0].frames[0], word.map(0))
    np.testing.assert_array_equal(shown(first), expected)
    assert first.get_title(loc="left") == "greyhound"
    assert first.get_title(loc="right") == f"{word.probability:.1%}"
    assert second.get_title(loc="left") == "on a bench"


def test_all_words_stand_in_a_grid_and_the_bar_shows_the_one_scale() -> None:
    result = explanation()
    figure = plot(result, columns=3, colors="viridis", probabilities=False)
    assert len(panels(figure)) == 7
    rows = {round(axes.get_subplotspec().rowspan.start) for axes in panels(figure)}
    assert rows == {0, 1, 2}
    assert panels(figure)[0].get_title(loc="right") == ""
    (bar,) = (axes for axes in figure.axes if axes.get_label() == "<colorbar>")
    assert bar.get_ylim() == (0, 1)
    table = bar.collections[-1].cmap([0.0, 0.5, 1.0])[:, :3] * 255
    values = np.array([0, 128 / 255, 1], np.float32)
    np.testing.assert_allclose(table, color(values, "viridis"), atol=1)


def test_several_pictures_are_rows_and_a_clip_tells_its_frame() -> None:
    result = several()
    figure = plot(result, [0, 1])
    assert len(panels(figure)) == 6
    word = result.words[0]
    frame = int(np.argmax([word.map(2, f).max() for f in range(4)]))
    clip = panels(figure)[4]
    expected = overlay(result.media[2].frames[frame], word.map(2, frame))
    np.testing.assert_array_equal(shown(clip), expected)
    assert clip.get_xlabel() == f"{result.media[2].times[frame]:.2f} s"
    alone = panels(plot(result, [0], media=2, frame=3))[0]
    assert alone.get_xlabel() == "1.50 s"
    assert len(panels(plot(result, [0], media=[0, 2]))) == 2


def test_letters_stay_letters_in_svg_and_pdf(tmp_path: Path) -> None:
    figure = plot(explanation(), [2, 5])
    figure.savefig(tmp_path / "a.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "a.svg").read_text("utf-8"))
    assert {"greyhound", "bench", "0.5"} <= set(texts)
    figure.savefig(tmp_path / "a.pdf")
    fonts = re.findall(
        rb"/Subtype /(Type3|TrueType|CIDFontType2)", (tmp_path / "a.pdf").read_bytes()
    )
    assert fonts
    assert b"Type3" not in fonts


def test_a_word_is_never_read_as_a_formula() -> None:
    result = explanation(reply=("$x^{$", r"\frac", "кошка", "שלום", "a_b$c$", "w" * 300))
    stream = io.BytesIO()
    figure = plot(result, columns=6)
    figure.savefig(stream, format="png")
    assert [axes.get_title(loc="left") for axes in panels(figure)][:2] == ["$x^{$", r"\frac"]
    assert panels(figure)[-1].get_title(loc="left").endswith("…")


def test_it_shows_itself_in_a_notebook_and_needs_no_display() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from tests.hand_made import explanation\n"
        "data, size = explanation().plot([0])._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "sys.stdout.buffer.write(data)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=root, check=True, timeout=60, env={}
    )
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert picture.width > 200


def test_without_matplotlib_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SetupError, match="pip install matplotlib"):
        plot(explanation())


@pytest.mark.parametrize(
    "options",
    [{"words": [9]}, {"media": 4}, {"colors": "x"}, {"cell": 0}, {"columns": 0}, {"media": [0, 4]}],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        plot(explanation(), **options)
