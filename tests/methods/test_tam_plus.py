import numpy as np
import pytest
import torch

from tam.geometry.cell_colors import pixels_of
from tam.geometry.layout import VisionGrid
from tam.media.media import Media
from tam.methods import explain, tam_plus
from tam.methods.parts import from_scores
from tam.methods.tam_plus import probabilities, smoothed
from tam.replay import Replay


def picture(colors: np.ndarray[tuple[int, int], np.dtype[np.int64]], cell: int = 4) -> Media:
    """A picture of square cells, each of one gray."""
    pixels = np.kron(colors, np.ones((cell, cell), np.int64)).astype(np.uint8)
    return Media(np.repeat(pixels[None, :, :, None], 3, axis=3), np.zeros(1), "made.png")


def grid_over(
    media: Media, shape: tuple[int, int, int], box: tuple[float, float, float, float] | None = None
) -> VisionGrid:
    spans = np.arange(shape[0])[:, None] + np.array([0, 1])
    whole = (0.0, 0.0, float(media.width), float(media.height))
    cells = np.arange(shape[0] * shape[1] * shape[2])
    return VisionGrid(0, 0, "whole", shape, box or whole, cells, spans)


def test_scores_are_the_models_own_probabilities(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    with torch.no_grad():
        logits = qwen_picture.checkpoint.module(**qwen_picture.inputs, use_cache=False).logits[0]
    expected = logits.softmax(-1)[:, trace.text.ids]
    found = probabilities(trace)
    cells = len(trace.vision.positions)
    assert torch.allclose(found[:cells], expected[trace.vision.positions], atol=1e-6)
    assert torch.allclose(found[cells:], expected[trace.text.context_positions], atol=1e-6)
    reply = found[cells:].diagonal()[trace.text.prompt_targets :]
    assert reply.tolist() == pytest.approx([p.probability for p in trace.predictions], rel=1e-4)


def test_the_filter_by_hand() -> None:
    # Three cells in a row, the last of another color by half of the range.
    media = picture(np.array([[0, 0, 255]]))
    maps = np.array([[1.0, 0.0, 0.5]], np.float32)
    found = smoothed(maps, [grid_over(media, (1, 1, 3))], [media], 1 / 3, 1.0)
    near, far = np.exp(-1 / 2), np.exp(-4 / 2)
    edge = np.exp(-3 / 2)  # three channels apart by 1, at a contrast of 1
    first = (1 + 0 * near + 0.5 * far * edge) / (1 + near + far * edge)
    middle = (1 * near + 0 + 0.5 * near * edge) / (near + 1 + near * edge)
    last = (1 * far * edge + 0 + 0.5) / (far * edge + near * edge + 1)
    assert found[0].tolist() == pytest.approx([first, middle, last], rel=1e-5)


def test_heat_fills_an_object_and_stops_at_its_edge() -> None:
    colors = np.full((8, 8), 30)
    colors[2:6, 2:6] = 220
    media = picture(colors)
    maps = np.zeros((1, 8, 8), np.float32)
    maps[0, 3, 3] = maps[0, 5, 5] = 1
    grid = grid_over(media, (1, 8, 8))
    found = smoothed(maps.reshape(1, -1), [grid], [media], 0.2, 0.15).reshape(8, 8)
    assert found[2:6, 2:6].min() > 100 * np.delete(found.ravel(), np.flatnonzero(colors > 99)).max()


def test_an_even_map_stays_even_and_padding_mixes_with_nothing() -> None:
    media = picture(np.array([[9, 200], [60, 120]]))
    padded = grid_over(media, (1, 4, 4), (-4, -4, 12, 12))
    even = smoothed(np.full((2, 16), 0.7, np.float32), [padded], [media], 0.5, 0.1)
    assert even == pytest.approx(0.7)
    maps = np.ones((1, 4, 4), np.float32)
    maps[0, 1:3, 1:3] = 0
    found = smoothed(maps.reshape(1, -1), [padded], [media], 0.5, 0.5).reshape(4, 4)
    assert found[1:3, 1:3] == pytest.approx(0)
    assert found[0] == pytest.approx(1)


def test_frames_of_a_clip_have_edges_of_their_own() -> None:
    still = picture(np.array([[0, 0]])).frames
    split = picture(np.array([[0, 255]])).frames
    clip = Media(np.concatenate([still, split]), np.arange(2.0), "made", "video")
    maps = np.array([[1.0, 0, 1, 0]], np.float32)
    found = smoothed(maps, [grid_over(clip, (2, 1, 2))], [clip], 0.5, 0.1)
    near = np.exp(-1 / 2)
    assert found[0].tolist() == pytest.approx([1 / (1 + near), near / (1 + near), 1, 0], abs=1e-6)


@pytest.mark.parametrize("weights", [1, 300, 1 << 18])
def test_the_filter_is_its_definition_however_it_is_cut(
    weights: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several frames in one cell, cells that are cropped, and bands of rows of any size."""
    monkeypatch.setattr(tam_plus, "_WEIGHTS", weights)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (2, 23, 30, 3), dtype=np.uint8)
    clip = Media(frames, np.arange(2.0), "made", "video")
    grid = VisionGrid(
        0, 0, "whole", (1, 9, 7), (-5.0, 1.5, 29.0, 26.0), np.arange(63), np.array([[0, 2]])
    )
    maps = rng.random((3, 63), np.float32)
    reach, contrast = 0.15, 0.2
    colors = np.full((63, 3), np.inf)
    for color, box in zip(colors, grid.boxes, strict=True):
        pixels = frames[:, *pixels_of(box, clip)] / 255
        if pixels.size:
            color[:] = pixels.mean((0, 1, 2))
    shown = np.isfinite(colors).all(1)
    assert 0 < shown.sum() < 63
    places = np.stack(np.divmod(np.arange(63), 7), axis=1)
    steps = places[:, None] - places
    apart = np.square(colors[shown][:, None] - colors[shown]).sum(-1) / contrast**2
    away = (steps**2).sum(-1)[shown][:, shown] / (reach * 9) ** 2 + apart
    kept = np.where(np.abs(steps).max(-1)[shown][:, shown] <= 3, np.exp(-away / 2), 0)
    expected = maps[:, shown] @ kept.T / kept.sum(1)
    found = smoothed(maps, [grid], [clip], reach, contrast)
    assert np.allclose(found[:, shown], expected, atol=1e-5)


def test_it_is_tam_on_probabilities(small_picture: Replay) -> None:
    """Without its filter: causal inference and joint scaling are those of tam."""
    trace = small_picture.trace
    maps, _, relevance = from_scores(trace, probabilities(trace), eci=True)
    bare = explain("tam-plus", trace, small_picture, reach=1e-3)
    assert np.allclose(bare.maps, maps, atol=1e-6)
    assert np.allclose(bare.relevance, relevance, atol=1e-6)
