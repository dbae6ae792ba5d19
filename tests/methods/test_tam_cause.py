"""Regions that words mark, and maps as high as what is lost without them."""

from dataclasses import replace

import numpy as np
import pytest

from tam.check.fillers import hiding
from tam.check.regions import Region, grown
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.media.media import Media
from tam.methods import explain
from tam.methods.tam_cause import alone, covered, places
from tam.methods.tam_plus import tam_plus
from tam.methods.word_regions import cut, holds, word_regions
from tam.replay import Replay
from tests.hand_made import explanation, grid

HEIGHT, WIDTH = 48, 64
LEFT, RIGHT = np.s_[12:30, 8:24], np.s_[12:30, 40:56]


def drawing() -> Media:
    """A red and a blue rectangle on grey, with a little noise."""
    frames = np.full((1, HEIGHT, WIDTH, 3), 128, np.uint8)
    frames[0][LEFT], frames[0][RIGHT] = (200, 30, 30), (30, 30, 200)
    noise = np.random.default_rng(0).integers(0, 5, frames.shape)
    return Media((frames + noise).astype(np.uint8), np.zeros(1), "two.png")


def rectangle(*places: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for place in places:
        mask[place] = True
    return mask


def marking(*marks: np.ndarray) -> Explanation:
    """An explanation with a word for each mask, a map of cells of 2 × 2 pixels."""
    cells = grid(0, (1, HEIGHT // 2, WIDTH // 2), (0.0, 0.0, float(WIDTH), float(HEIGHT)))
    words = [" ring", " star", " cross", " square"][: len(marks)]
    made = explanation([drawing()], [cells], prompt=(), reply=words)
    maps = [mask[::2, ::2].astype(np.float32).ravel() for mask in marks]
    return replace(made, maps=np.stack(maps))


def test_a_cut_follows_the_edges_of_the_object() -> None:
    inside = rectangle(np.s_[14:28, 11:22])
    assert np.array_equal(cut(drawing().frames[0], inside), rectangle(LEFT))
    beyond = rectangle(np.s_[10:32, 6:26])
    assert np.array_equal(cut(drawing().frames[0], beyond), rectangle(LEFT))


def test_a_cut_that_fails_leaves_the_mark() -> None:
    whole = np.ones((HEIGHT, WIDTH), bool)
    assert cut(drawing().frames[0], whole) is whole
    none = np.zeros((HEIGHT, WIDTH), bool)
    assert cut(drawing().frames[0], none) is none


def test_words_that_mark_one_object_make_one_region() -> None:
    part, other = rectangle(np.s_[14:28, 10:22]), rectangle(np.s_[12:28, 42:56])
    found, dropped = word_regions(marking(part, other, rectangle(LEFT)), 9)
    assert [region.media for region in found] == [0, 0]
    assert np.array_equal(found[0].mask[0], rectangle(LEFT))
    assert np.array_equal(found[1].mask[0], rectangle(RIGHT))
    assert dropped == 0
    # Two words mark the left one, so it is the one that is kept.
    [kept], dropped = word_regions(marking(other, part, rectangle(LEFT)), 1)
    assert np.array_equal(kept.mask[0], rectangle(LEFT))
    assert dropped == 1


def test_the_parts_of_one_words_mask_are_regions_of_their_own() -> None:
    found, _ = word_regions(marking(rectangle(LEFT, RIGHT)), 9)
    assert [region.mask.sum() for region in found] == [18 * 16, 18 * 16]


def test_what_a_region_holds_beside_a_smaller_one_is_a_region_too() -> None:
    # The picture is even where two halves of one rectangle are marked, so cuts leave them.
    both, half = rectangle(np.s_[12:30, 8:40]), rectangle(np.s_[12:30, 8:24])
    grey = Media(np.full((1, HEIGHT, WIDTH, 3), 128, np.uint8), np.zeros(1), "even.png")
    made = replace(marking(both, half), media=(grey,))
    found = [region.mask[0] for region in word_regions(made, 9)[0]]
    assert any(np.array_equal(mask, both & ~half) for mask in found)
    assert any(np.array_equal(mask, half) for mask in found)
    assert any(np.array_equal(mask, both) for mask in found)


def test_a_region_does_not_count_where_a_smaller_one_inside_explains_the_loss() -> None:
    outer, inner = (Region(0, rectangle(np.s_[10:30, 10 : 10 + w])[None]) for w in (30, 10))
    lost = np.array([[0.9, 0.9, 0.1], [0.8, 0.2, 0.9]], np.float32)
    assert holds(outer, inner)
    assert not holds(inner, outer)
    assert np.allclose(alone([outer, inner], lost), [[0, 0.9, 0], [0.8, 0.2, 0.9]])


def test_a_region_grows_by_a_share_of_the_shorter_side() -> None:
    dot = rectangle(np.s_[20:21, 30:31])[None]
    wide = grown(Region(0, dot), 2 / HEIGHT).mask[0]
    rows, columns = np.nonzero(wide)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (18, 22, 28, 32)
    assert np.array_equal(grown(Region(0, dot), 0).mask, dot)


def test_a_place_is_a_twentieth_of_the_map() -> None:
    maps = np.array([[0.0, 0.2, 0.4], [0.0, 0.0, 0.0]], np.float32)
    assert np.allclose(places(maps), [[0, 0.025, 0.05], [0, 0, 0]])


def test_heights_are_what_words_lose_without_regions(small_picture: Replay) -> None:
    trace = small_picture.trace
    first = trace.text.prompt_targets
    result = explain("tam-cause", trace, small_picture, filler="mean", growth=0.05)
    found, _ = word_regions(tam_plus(trace, small_picture), 32)
    assert len(found) == result.provenance["method"]["regions"] > 0
    hide = hiding(trace.media[0], "mean")
    hidden = [[hide(grown(region, 0.05).mask)] for region in found]
    read = np.exp(small_picture.log_probabilities([trace.media, *hidden]).astype(float))
    lost = np.maximum(1 - read[1:] / read[0], 0)
    kept = alone(found, lost.astype(np.float32))
    heats = [np.outer(own, covered(trace, r)) for own, r in zip(kept, found, strict=True)]
    plain = places(tam_plus(trace, small_picture).maps[first:])
    assert np.allclose(result.maps[first:], np.maximum(plain, np.max(heats, axis=0)), atol=1e-4)
    assert np.isnan(result.maps[:first]).all()


def test_impossible_options_are_refused(small_picture: Replay) -> None:
    for options, message in [
        ({"regions": 0}, "regions: 0 is not possible"),
        ({"growth": -1.0}, "growth: -1.0 is not possible"),
        ({"filler": "snow"}, "unknown filler 'snow'"),
    ]:
        with pytest.raises(InputError, match=message):
            explain("tam-cause", small_picture.trace, small_picture, **options)
