"""Maps at the size of the picture, merged over tokens and views, against hand-computed values."""

import numpy as np
import pytest

from tam.errors import InputError
from tam.explanation.explanation import Explanation, Prediction
from tam.geometry.layout import TextToken, VisionGrid
from tam.media.media import Media


def grid(media: int, box: tuple, shape: tuple = (1, 1, 2), view: str = "whole") -> VisionGrid:
    cells = int(np.prod(shape))
    spans = np.stack([2 * np.arange(shape[0]), 2 * np.arange(shape[0]) + 2], axis=1)
    return VisionGrid(media, 0, view, shape, box, np.arange(cells), spans)


def token(text: str, word: int, role: str = "assistant") -> TextToken:
    return TextToken(0, 0, 0, 1, role, text, word)


def explained(grids: list[VisionGrid], maps: list, tokens: list, prompt: int = 0) -> Explanation:
    sizes = {g.media: g for g in grids}
    media = tuple(
        Media(np.zeros((4, 10, 20, 3), np.uint8), np.arange(4.0), str(m), "video")
        for m in sorted(sizes)
    )
    count = len(tokens)
    relevance = np.tril(np.arange(count * count).reshape(count, count), -1) / 100
    return Explanation(
        media=media,
        tokens=tuple(tokens),
        prompt_targets=prompt,
        predictions=tuple(Prediction(0.5, None, ()) for _ in tokens[prompt:]),
        grids=tuple(grids),
        maps=np.array(maps, np.float32),
        text_scores=relevance.astype(np.float32),
        relevance=relevance.astype(np.float32),
    )


def test_a_word_is_the_maximum_of_its_tokens() -> None:
    tokens = [token(" re", 0), token("d", 0), token(" dog", 1)]
    result = explained([grid(0, (0, 0, 20, 10))], [[0.1, 0.9], [0.8, 0.2], [0, 0]], tokens)
    red = result.words[0]
    assert (red.text, red.targets) == ("red", (0, 1))
    assert np.allclose(red.cells(), [0.8, 0.9])
    assert red.map(0)[0, 0] == pytest.approx(0.8)
    assert red.map(0)[9, 19] == pytest.approx(0.9)
    assert result.token_map(0)[0, 0] == pytest.approx(0.1)
    assert red.probability == pytest.approx(0.25)
    assert result.words[1].relevance(red) == pytest.approx(max(0.06, 0.07))


def test_text_and_words_of_prompt_and_reply() -> None:
    tokens = [token("What", 0, "user"), token("?", 1, "user"), token("A", 2), token("\n", -1)]
    result = explained([grid(0, (0, 0, 20, 10))], [[0, 0]] * 4, tokens, prompt=2)
    assert result.text == "A\n"
    assert [w.text for w in result.prompt_words] == ["What", "?"]
    assert [w.text for w in result.words] == ["A"]


def test_views_are_averaged_where_they_overlap() -> None:
    # A thumbnail over the whole picture, and a tile over its left half.
    grids = [grid(0, (0, 0, 20, 10), (1, 1, 1), "thumbnail"), grid(0, (0, 0, 10, 10), (1, 1, 1))]
    result = explained(grids, [[0.4, 0.8]], [token("a", 0)])
    picture = result.words[0].map(0)
    assert np.allclose(picture[:, :10], 0.6)
    assert np.allclose(picture[:, 10:], 0.4)
    assert result.coverage(0).all()


def test_each_frame_has_the_map_of_its_temporal_cell() -> None:
    result = explained([grid(0, (0, 0, 20, 10), (2, 1, 1))], [[0.2, 0.7]], [token("a", 0)])
    assert [float(result.words[0].map(0, frame)[0, 0]) for frame in range(4)] == pytest.approx(
        [0.2, 0.2, 0.7, 0.7]
    )


def test_pictures_do_not_mix() -> None:
    grids = [grid(0, (0, 0, 20, 10)), grid(1, (5, 0, 15, 10))]
    result = explained(grids, [[0.1, 0.1, 0.9, 0.9]], [token("a", 0)])
    assert np.allclose(result.words[0].map(0), 0.1)
    assert np.allclose(result.words[0].map(1)[:, 5:15], 0.9)
    assert not result.words[0].map(1)[:, :5].any()
    assert result.coverage(1).mean() == pytest.approx(0.5)


def test_a_picture_that_is_not_there_is_said_so() -> None:
    result = explained([grid(0, (0, 0, 20, 10))], [[0, 0]], [token("a", 0)])
    with pytest.raises(InputError, match=r"picture index 1 is out of range \(0 to 0\)"):
        result.words[0].map(1)


def test_a_phrase_is_found_in_the_reply_and_merged_by_a_rule() -> None:
    tokens = [token("A", 0), token(" re", 1), token("d", 1), token(" dog", 2), token(" red", 3)]
    maps = [[0.9, 0], [0.1, 0.3], [0.2, 0], [0, 0.5], [1, 1]]
    result = explained([grid(0, (0, 0, 20, 10))], maps, tokens)
    phrase = result.phrase("red dog")
    assert (phrase.text, phrase.targets) == ("red dog", (1, 2, 3))
    assert np.allclose(result.phrase("red dog", merge="maximum").cells(), [0.2, 0.5])
    assert np.allclose(result.phrase("red dog", merge="first").cells(), [0.1, 0.3])
    assert np.argmax(phrase.cells()) == 1, "the cell that all three tokens point at most"
    assert result.phrase(range(2, 4)).targets == (2, 3)
    assert result.phrase(result.text).targets == (0, 1, 2, 3, 4)
    for absent in ("cat", "", " "):
        with pytest.raises(InputError, match="does not contain"):
            result.phrase(absent)
    for outside in (range(3, 6), range(-1, 2), range(2, 2)):
        with pytest.raises(InputError, match="is out of range"):
            result.phrase(outside)
    with pytest.raises(InputError, match="unknown merge rule 'best'"):
        result.phrase("dog", merge="best").cells()


def test_a_region_knows_the_words_that_nearly_reach_their_highest_value_there() -> None:
    tokens = [token(text, n) for n, text in enumerate(("a", " red", " dog", " and", " faint"))]
    maps = [[0.1, 0.2, 0, 0], [0.8, 0.7, 0, 0], [0.9, 0.5, 0, 0], [0.3, 0, 0, 0.4], [0.09, 0, 0, 0]]
    grids = [grid(0, (0, 0, 20, 10)), grid(1, (0, 0, 20, 10))]
    result = explained(grids, maps, tokens)
    assert [w.text for w in result.words_for((0, 0, 10, 10))] == ["dog", "red"]
    assert [w.text for w in result.words_for((10, 0, 20, 10))] == ["red", "a"]
    assert [w.text for w in result.words_for((0, 0, 20, 10), media=1)] == ["and"]
    assert [w.text for w in result.words_for((0, 0, 1, 1))] == ["dog", "red"]
    assert result.words_for((4, 4, 5, 5)) == result.words_for((4.1, 4.1, 4.2, 4.2)), "one pixel"


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 0),
        (10, 10, 0, 0),
        (20, 0, 30, 10),
        (-9, 0, 0, 10),
        (0, 0, float("nan"), 9),
        (0, 1),
    ],
)
def test_a_region_that_holds_nothing_is_refused(box: tuple[float, ...]) -> None:
    result = explained([grid(0, (0, 0, 20, 10))], [[0.1, 0.2, 0, 0]], [token("a", 0)])
    with pytest.raises(InputError, match=r"lies outside the picture.*20 × 10"):
        result.words_for(box)


def test_a_frame_that_is_not_there_has_no_map() -> None:
    result = explained([grid(0, (0, 0, 20, 10), (2, 1, 2))], [[0.2, 0.1, 0, 0.7]], [token("a", 0)])
    word = result.words[0]
    assert word.map(0, frame=3).any()
    for ask in (
        lambda: word.map(0, frame=4),
        lambda: result.token_map(0, frame=-1),
        lambda: result.words_for((0, 0, 9, 9), frame=4),
    ):
        with pytest.raises(InputError, match=r"frame index (4|-1) of 0 is out of range \(0 to 3\)"):
            ask()


def test_a_region_of_a_clip_can_be_that_of_one_frame() -> None:
    tokens = [token("a", 0), token(" red", 1)]
    result = explained(
        [grid(0, (0, 0, 20, 10), (2, 1, 2))], [[0.2, 0, 0, 0], [0, 0, 0.7, 0]], tokens
    )
    box = (0.0, 0.0, 10.0, 10.0)
    assert [w.text for w in result.words_for(box)] == ["red", "a"]
    assert [w.text for w in result.words_for(box, frame=1)] == ["a"]
    assert [w.text for w in result.words_for(box, frame=2)] == ["red"]


def test_evidence_over_time_has_a_value_for_every_frame() -> None:
    result = explained([grid(0, (0, 0, 20, 10), (2, 1, 2))], [[0.2, 0.1, 0, 0.7]], [token("a", 0)])
    assert result.words[0].over_time(0).tolist() == pytest.approx([0.2, 0.2, 0.7, 0.7])
