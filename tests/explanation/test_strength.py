"""A word's strength and location: against full maps, by hand, and the same in every output."""

import base64
import csv
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tam.cli.summary import summary
from tam.errors import InputError
from tam.explanation import strength
from tam.explanation.explanation import Explanation
from tam.explanation.word import Word
from tam.geometry.layout import VisionGrid
from tam.media.media import Media
from tam.render.table import words_csv
from tam.render.terminal import show
from tam.report.data import payload
from tam.text.printable import decimal
from tests.hand_made import clip, explanation, grid, picture, several
from tests.report.test_relevance import decoded


@st.composite
def _views(draw: st.DrawFn, media: int, item: Media) -> list[VisionGrid]:
    """Draw the views of a picture or clip: whole, padded, cropped, or tiles with a thumbnail."""
    width, height, frames = item.width, item.height, len(item.frames)
    edge = st.floats(-0.4, 0.3)
    side = st.integers(1, 7)

    def view(name: str, box: tuple[float, float, float, float]) -> VisionGrid:
        steps = draw(st.integers(1, frames))
        cuts = np.linspace(0, frames, steps + 1).astype(int).tolist()
        spans = list(itertools.pairwise(cuts))
        shape = (steps, draw(side), draw(side))
        return grid(media, shape, box, spans=spans, first=1000 * media, view=name)

    left, top, right, bottom = (draw(edge) for _ in range(4))
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    kind = draw(st.sampled_from(["whole", "padded or cropped", "tiled"]))
    if kind == "whole":
        return [view("whole", (0.0, 0.0, float(width), float(height)))]
    if kind == "padded or cropped":
        return [view("whole", box)]
    return [view("tiles", (0.0, 0.0, float(width), float(height))), view("thumbnail", box)]


@st.composite
def explanations(draw: st.DrawFn) -> Explanation:
    """Draw a layout: pictures and clips of any size, with any kinds of views and any maps."""
    media = []
    for index in range(draw(st.integers(1, 3))):
        height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
        frames = draw(st.sampled_from([1, 1, 4]))
        still = clip(frames, height, width) if frames > 1 else picture(height, width)
        media.append(replace(still, name=f"item {index}"))
    grids = [view for index, item in enumerate(media) for view in draw(_views(index, item))]
    result = explanation(media, grids, seed=draw(st.integers(0, 99)))
    exponent = draw(st.sampled_from([0.5, 1, 8]))
    maps = result.maps**exponent
    if draw(st.booleans()):
        maps = (np.round(maps * 8) / 8).astype(np.float32)  # ties, and exact halves of a digit
    known = draw(st.sampled_from(["all", "no relevance", "some cells"]))
    if known == "some cells":
        maps[:, :: draw(st.integers(1, 3))] = np.nan
    missing = None if known == "no relevance" else result.relevance
    return replace(result, maps=maps, relevance=missing, text_scores=missing)


def full_maps(word: Word) -> list[list[np.ndarray]]:
    """Return the map at each pixel of each frame of each picture."""
    media = word.explanation.media
    return [[word.map(m, f) for f in range(len(item.frames))] for m, item in enumerate(media)]


@settings(deadline=None, max_examples=60)
@given(explanations())
def test_nodes_hold_the_maximum_of_the_full_map(result: Explanation) -> None:
    for word in (*result.words[:3], result.phrase("bench.")):
        maps = full_maps(word)
        every = np.concatenate([heat.ravel() for frames in maps for heat in frames])
        visual, peak = word.visual, word.peak()
        if np.isnan(word.cells()).all():
            assert visual is peak is word.share is word.focus is word.mask() is word.box() is None
            continue
        assert visual == pytest.approx(np.nan_to_num(every).max(), abs=1e-6)
        if peak is None:
            assert visual == 0
            continue
        assert peak.value == visual
        assert maps[peak.media][peak.frame][peak.y, peak.x] == pytest.approx(visual, abs=1e-6)
        for media, frames in enumerate(maps):
            tops = [np.nan_to_num(heat).max() for heat in frames]
            np.testing.assert_allclose(np.nan_to_num(word.over_time(media)), tops, atol=1e-6)
            own = word.peak(media)
            assert (own.value if own else 0) == pytest.approx(max(tops), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(explanations(), st.lists(st.floats(-0.2, 1.2), min_size=4, max_size=4))
def test_a_region_has_the_maximum_of_its_pixels(result: Explanation, edges: list[float]) -> None:
    word, item = result.words[0], result.media[0]
    x0, x1 = sorted(edges[:2])
    y0, y1 = sorted(edges[2:])
    box = (x0 * item.width, y0 * item.height, x1 * item.width, y1 * item.height)
    y, x = np.arange(item.height) + 0.5, np.arange(item.width) + 0.5
    inside = np.outer((box[1] <= y) & (y < box[3]), (box[0] <= x) & (x < box[2]))
    if inside.any():
        top = np.nan_to_num(word.map(0, 0))[inside].max()
        found = strength.height_in(result, word.cells(), box, 0, 0)
        assert found == pytest.approx(top, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(explanations())
def test_peaks_and_boxes_lie_inside_their_picture(result: Explanation) -> None:
    for told in summary(result)["words"]:
        for peak in told["peaks"]:
            item = result.media[peak["picture"]]
            assert 0 <= peak["x"] < item.width
            assert 0 <= peak["y"] < item.height
            assert 0 <= peak["frame"] < len(item.frames)
            if peak["box"] is not None:
                x0, y0, x1, y1 = peak["box"]
                assert 0 <= x0 <= peak["x"] < x1 <= item.width
                assert 0 <= y0 <= peak["y"] < y1 <= item.height


@settings(deadline=None, max_examples=25)
@given(explanations())
def test_all_surfaces_agree_to_their_printed_digits(result: Explanation) -> None:
    told = summary(result)["words"]
    rows = list(csv.DictReader(io.StringIO(words_csv(result), newline="")))
    frame = result.to_pandas().to_dict("records")
    (page,) = json.loads(json.dumps(payload([result], [""])))["explanations"]
    shown = page["words"][len(result.prompt_words) :]
    stream = io.StringIO()
    show(result, Console(file=stream, width=300))
    lines = [line for line in stream.getvalue().splitlines() if line.strip()[:1].isdigit()]
    for index, word in enumerate(result.words):
        values = {n: getattr(word, n) for n in ("visual", "textual", "share", "focus")}
        assert decimal(values["visual"]) in lines[index]
        for name, value in values.items():
            assert shown[index][name] == value
            assert told[index][name] == (None if value is None else round(value, 4))
            assert rows[index][name] == ("" if value is None else f"{value:.4f}")
            found = frame[index][name]
            assert found == value if value is not None else np.isnan(found)
        peak = word.peak()
        best = max(told[index]["peaks"], key=lambda told: told["value"], default=None)
        if peak is None:
            assert best is None
            assert shown[index]["peak"] is None
            assert rows[index]["x"] == ""
            continue
        assert best is not None
        assert shown[index]["peak"] == vars(peak)
        assert best["value"] == round(peak.value, 4)
        assert (int(rows[index]["x"]), int(rows[index]["y"])) == (peak.x, peak.y)
        assert f"({peak.x}, {peak.y})" in lines[index]


def test_phrases_on_the_page_are_those_of_python() -> None:
    result = several()
    (page,) = payload([result], [""])["explanations"]
    before = len(result.prompt_words)
    assert len(page["phrases"]) == 7 * 6 // 2
    for told in page["phrases"]:
        first, last = (result.words[told[end] - before] for end in ("first", "last"))
        phrase = result.phrase(range(first.targets[0], last.targets[-1] + 1))
        assert (told["visual"], told["textual"]) == (phrase.visual, phrase.textual)
        assert told["share"] == phrase.share


def test_relevance_on_the_page_is_exact_to_its_printed_digits() -> None:
    result = several()
    (page,) = payload([result], [""])["explanations"]
    words = (*result.prompt_words, *result.words)
    earlier = [
        [word for word in words if word.targets[-1] < target]
        for target in range(len(result.tokens))
    ]
    ids = [token.id for token in result.tokens]
    rows = decoded(base64.b64decode(page["relevance"]), [len(row) for row in earlier], ids)
    for target, (row, before) in enumerate(zip(rows, earlier, strict=True)):
        for value, word in zip(row, before, strict=True):
            relevance = Word(result, (target,)).relevance(word)
            assert f"{value / 100:.2f}" == decimal(relevance)


def test_textual_is_the_strongest_earlier_word() -> None:
    result = explanation()
    assert result.relevance is not None
    word = result.words[2]
    ranked = word.earlier()
    assert ranked is not None
    assert len(ranked) == 6
    assert all(value == word.relevance(other) for other, value in ranked)
    assert [value for _, value in ranked] == sorted((v for _, v in ranked), reverse=True)
    assert word.textual == ranked[0][1] == result.relevance[6:9, :6].max()
    assert word.share == word.visual / (word.visual + word.textual)
    first = result.prompt_words[0]
    assert first.earlier() == ()
    assert first.textual == 0


def test_what_is_not_known_is_none() -> None:
    result = replace(explanation(), relevance=None, text_scores=None)
    word = result.words[2]
    assert word.textual is word.share is word.earlier() is None
    assert word.relevance(result.words[0]) is None
    assert word.visual is not None
    unexplained = explanation()
    unexplained.maps[4], unexplained.relevance[4] = np.nan, np.nan
    word = unexplained.words[0]
    assert word.visual is word.textual is word.share is word.focus is word.peak() is None
    assert word.mask() is word.box() is None
    text_alone = explanation([], []).words[0]
    assert text_alone.visual is text_alone.share is None
    assert text_alone.textual is not None


def test_a_zero_map_has_no_peak_and_no_evidence_has_no_share() -> None:
    result = explanation()
    result.maps[:] = 0
    word = result.words[2]
    assert (word.visual, word.peak(), word.focus, word.share) == (0, None, None, 0)
    result.relevance[:] = 0
    assert (word.textual, word.share) == (0, None)


def test_focus_by_hand() -> None:
    # Flat cells of 10 × 10 pixels: smoothing reaches no further than the borders of one column.
    result = explanation([picture(1, 4)], [grid(0, (1, 1, 4), (0.0, 0.0, 4.0, 1.0))])
    result.maps[:] = (0.6, 0.3, 0.1, 0.0)
    assert result.words[0].focus == 0.5, "0.6 and 0.3 of 1.0"
    result.maps[:] = (0.5, 0.2, 0.2, 0.1)
    assert result.words[0].focus == 0.75
    result.maps[:] = 0.3
    assert result.words[0].focus == 1


def test_focus_of_a_large_picture_is_that_of_its_pixels() -> None:
    result = explanation([picture(900, 1300)], [grid(0, (1, 5, 7), (0.0, 0.0, 1300.0, 900.0))])
    result.maps[:] **= 4
    word = result.words[0]
    heat = np.sort(word.map(0).ravel().astype(float))[::-1].cumsum()
    exact = (np.argmax(heat >= 0.85 * heat[-1]) + 1) / heat.size
    assert word.focus == pytest.approx(exact, abs=2e-3)


def test_masks_and_boxes_by_hand() -> None:
    result = explanation([picture(2, 8)], [grid(0, (1, 1, 4), (0.0, 0.0, 4.0, 2.0))])
    result.maps[:] = (0.1, 0.8, 0.7, 0.1)
    word = result.words[0]
    mask = word.mask()
    assert mask is not None
    assert mask[0].tolist() == [False, True, True, False, False, False, False, False]
    assert word.box() == (1, 0, 3, 2)
    assert word.box(threshold=0.75) == (1, 0, 2, 2)
    assert word.box(threshold=0) == (0, 0, 4, 2), "what the model did not see is in no mask"
    assert word.box(threshold=0.9) is None
    for wrong in ("best", float("nan")):
        with pytest.raises(InputError, match="unknown threshold"):
            word.mask(threshold=wrong)
    with pytest.raises(InputError, match=r"picture index 5 is out of range \(0 to 0\)"):
        word.box(5)


def test_maxima_of_many_maps_at_once_are_those_of_each() -> None:
    result = explanation()
    rows = np.repeat(result.maps, 12, axis=0)
    rows = rows * np.linspace(0, 1, len(rows), dtype=np.float32)[:, None]
    rows[3] = np.nan
    rows[4, 0] = np.nan
    assert strength.visuals(result, rows) == [strength.visual(result, row) for row in rows]
    assert strength.visuals(result, rows[:0]) == []


def test_focus_of_a_large_map_counts_the_fewest_pixels() -> None:
    rng = np.random.default_rng(0)
    item = picture(64, 48)
    result = explanation([item], [grid(0, (1, 6, 8), (0.0, 0.0, 48.0, 64.0))])
    result.maps[:] = rng.random(result.maps.shape) ** 3
    for word in result.words:
        falling = np.sort(word.map().ravel().astype(np.float64))[::-1]
        held = np.cumsum(falling)
        assert word.focus == (np.argmax(held >= 0.85 * held[-1]) + 1) / falling.size
