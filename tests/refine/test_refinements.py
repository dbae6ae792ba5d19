"""What each refinement does, by hand and on a run."""

from dataclasses import replace

import numpy as np
import pytest

import tam
from tam.errors import InputError
from tam.media.media import Media
from tam.methods import choose, explain
from tam.prompt.conversation import question
from tam.refine import REFINEMENTS
from tam.refine.affinity import boxes, sinkhorn
from tam.refine.agreement import TEMPERATURE, shared_heat
from tam.refine.color_affinity import affinities, neighbors
from tam.refine.crops import enlarged, in_place
from tam.refine.grow_shrink import connected, grow_shrink
from tam.refine.joint_kernels import by_color, by_state, joint
from tam.refine.refinement import Work
from tam.refine.scales import resized, to_size
from tam.replay import Replay
from tam.scenes.world import make_scene


@pytest.fixture(scope="module")
def replay() -> Replay:
    model = tam.load("small")
    picture = tam.open_image(make_scene(1_000_000_000, 64, 80).image)
    asked = question([picture], "What is here?")
    return Replay(model.checkpoint, model.run(asked, answer="A red ring."))


@pytest.mark.parametrize("name", REFINEMENTS)
def test_maps_stay_maps_of_the_same_words(name: str, replay: Replay) -> None:
    trace = replay.trace
    last = [len(trace.text.tokens) - 2]
    plain = explain("activation", trace, replay, last)
    found = explain(f"activation/{name}", trace, replay, last)
    assert found.provenance["method"] == {"name": "activation", "refinements": [name]}
    assert np.isnan(np.delete(found.maps, last, axis=0)).all()
    [row] = found.maps[last]
    assert 0 <= row.min() < row.max() <= 1
    assert not np.array_equal(row, plain.maps[last[0]])
    assert np.array_equal(found.relevance, plain.relevance, equal_nan=True)


def test_refinements_follow_one_another_by_every_name(replay: Replay) -> None:
    both = ["color-affinity", "grow-shrink"]
    named = choose("activation/" + "/".join(both))
    assert named.method.name == "activation/color-affinity/grow-shrink"
    assert not named.method.streams
    added = choose("activation").with_refinements(both)
    one, other = (found.run(replay.trace, replay) for found in (named, added))
    assert np.array_equal(one.maps, other.maps, equal_nan=True)
    with pytest.raises(InputError, match="unknown refinement 'color-afinity'; did you mean"):
        choose("tam/color-afinity")


def test_a_cell_takes_from_neighbors_of_its_color() -> None:
    colors = np.zeros((4, 8, 3))
    colors[:, 4:] = 1.0
    index = neighbors(4, 8)
    kernel = affinities(colors, index)
    assert kernel.shape == index.shape == (24, 32)
    assert kernel.sum(0) == pytest.approx(1)
    cell = 1 * 8 + 3  # the last column of the dark half
    dark = index[:, cell] % 8 < 4
    assert kernel[dark, cell].sum() > 0.95


def test_an_affinity_is_made_doubly_stochastic_and_symmetric() -> None:
    found = sinkhorn(np.random.default_rng(0).random((6, 6)))
    assert found == pytest.approx(found.T)
    assert found.sum(0) == pytest.approx(1, abs=0.02)


def test_boxes_lie_around_what_is_hot() -> None:
    layer = np.zeros((5, 6), np.float32)
    layer[0, 0], layer[1, 1], layer[4, 5], layer[2, 3] = 1, 0.5, 0.9, 0.1
    expected = np.zeros((5, 6), bool)
    expected[:2, :2] = expected[4, 5] = True
    assert np.array_equal(boxes(layer), expected)


def test_growth_stops_where_heat_does_not_connect() -> None:
    layer = np.array([[1.0, 0.6, 0.0, 0.8], [0.2, 0.9, 0.0, 0.8]], np.float32)
    assert np.array_equal(
        connected(layer, 0), np.array([[1.0, 0.6, 0.0, 0.0], [0.2, 0.9, 0.0, 0.0]], np.float32)
    )
    ring = np.array([[1.0, 0.5, 0.7]], np.float32)
    assert connected(ring, 0).tolist() == [[1.0, 0.5, 0.5]]


def test_a_map_shrinks_where_another_words_is_hotter(replay: Replay) -> None:
    [grid] = replay.trace.vision.grids
    maps = np.zeros((2, grid.cells), np.float32)
    maps[0, :3], maps[1, 1:4] = [1.0, 0.5, 0.25], [1.0, 0.75, 0.5]
    work = Work(replay, [0, 1], lambda other: explain("tam", other.trace, other))
    found = grow_shrink(maps, work)
    assert found[0, :3] == pytest.approx([1.0, 0.5 * 0.5, 0.25 / 3])


def test_views_must_agree_on_a_cell() -> None:
    views = np.array([[[1.0, 0.5, 0.0]], [[1.0, 0.5, 1.0]], [[1.0, 0.5, 1.0]]], np.float32)
    assert shared_heat(views)[0] == pytest.approx([1.0, 0.5 ** (1 / TEMPERATURE), 0.0])


def test_crops_tile_the_picture_and_go_back_to_their_places() -> None:
    frames = np.arange(2 * 5 * 7 * 3, dtype=np.uint8).reshape(2, 5, 7, 3)
    item = Media(frames, np.arange(2.0), "clip.mp4", "video")
    for parts in (1, 2, 4):
        tiles = [(parts, row, column) for row in range(parts) for column in range(parts)]
        ones = [in_place(np.ones((5, 7), np.float32), item, tile) for tile in tiles]
        assert np.allclose(np.sum(ones, axis=0), 1)
        assert all(enlarged(frames, tile).shape == frames.shape for tile in tiles)
    assert np.array_equal(enlarged(frames, (1, 0, 0)), frames)


def test_a_picture_at_another_size_comes_back() -> None:
    frames = np.zeros((1, 8, 12, 3), np.uint8)
    frames[:, :, 6:] = 200
    assert resized(frames, 0.5).shape == (1, 4, 6, 3)
    seen = resized(frames, 1.5)[0, :, :, 0].astype(np.float32)
    back = to_size(seen, Media(frames, np.zeros(1), "half.png"))
    assert back.shape == (8, 12)
    assert back[:, :4].max() < 40 < 160 < back[:, 8:].min()


def test_a_joint_kernel_by_hand() -> None:
    one = np.array([[1.0, 1.0], [0.0, 2.0]])
    none = np.zeros((2, 2))
    assert np.allclose(joint(one, none), [[0.75, 0.25], [0, 1]])
    colors = np.array([[0.0, 0, 0], [0, 0, 0], [1, 1, 1]])
    assert np.allclose(by_color(colors), [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-6)
    states = np.array([[2.0, 0], [0, 2], [4, 1]])
    assert (by_state(states) >= 0).all()
    assert np.allclose(np.diag(by_state(states)), 1)


def test_the_mirrored_picture_counts_as_much_as_the_picture(replay: Replay) -> None:
    trace = replay.trace
    target = len(trace.text.tokens) - 2
    [picture] = trace.media
    flipped = replace(picture, frames=np.ascontiguousarray(picture.frames[:, :, ::-1]))
    model = tam.Model(replay.checkpoint)
    other = model.run(question([flipped], "What is here?"), answer="A red ring.")
    there = Replay(replay.checkpoint, other)
    one = explain("activation/mirror", trace, replay, [target]).maps[target]
    two = explain("activation/mirror", other.trace, there, [target]).maps[target]
    [grid] = trace.vision.grids
    back = two.reshape(grid.shape)[:, :, ::-1].ravel()
    assert np.corrcoef(one, back)[0, 1] > 0.9
