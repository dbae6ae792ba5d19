from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation

import tam
from tam.geometry.cell_colors import pixels_of
from tam.methods import explain
from tam.methods.perturbation import Region, drops
from tam.replay import Replay


def test_covering_regions_is_captums_feature_ablation(qwen_picture: Replay) -> None:
    [picture] = qwen_picture.trace.media
    rows, columns = np.mgrid[0 : picture.height, 0 : picture.width]
    labels = rows // 45 * 2 + columns // 60
    regions = [Region(0, 0, 1, labels == index) for index in range(4)]
    ours = drops(qwen_picture, regions, batch=3)

    def read(pixels: torch.Tensor) -> torch.Tensor:
        media = [replace(picture, frames=frame.numpy().astype(np.uint8)[None]) for frame in pixels]
        return torch.from_numpy(qwen_picture.log_probabilities([[item] for item in media]))

    mean = picture.frames.mean(axis=(0, 1, 2)).round().astype(np.float32)
    theirs = FeatureAblation(read).attribute(
        torch.from_numpy(picture.frames.astype(np.float32)),
        baselines=torch.from_numpy(np.broadcast_to(mean, picture.frames.shape).copy()),
        feature_mask=torch.from_numpy(labels[None, :, :, None]),
        target=1,
    )
    for index, region in enumerate(regions):
        found = theirs[0].numpy()[region.mask]
        assert np.allclose(found, ours[1, index], atol=1e-5)


def planted(replay: Replay, monkeypatch: pytest.MonkeyPatch, weight: Any) -> None:
    """Let the reply's log-probability be linear in the pixels of the first picture."""
    count = len(replay.trace.text.tokens) - replay.trace.text.prompt_targets

    def read(
        _self: Replay, edited: Iterable[Sequence[tam.Media]], *, batch: int = 16
    ) -> np.ndarray[Any, Any]:
        values = [float((media[0].frames[..., 0] * weight).sum()) for media in edited]
        return np.repeat(np.array(values, np.float32)[:, None], count, axis=1)

    monkeypatch.setattr(Replay, "log_probabilities", read)


@pytest.mark.parametrize(
    ("name", "options"),
    [("occlusion", {"size": 1}), ("superpixel-occlusion", {"segments": 30})],
)
def test_what_a_planted_model_reads_is_found(
    name: str, options: dict[str, int], qwen_picture: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = qwen_picture.trace
    [grid], [picture] = trace.vision.grids, trace.media
    pixels = np.full((1, picture.height, picture.width, 3), 90, np.uint8)
    pixels[0, :28, :28] = 250
    bright = replace(picture, frames=pixels)
    recording = qwen_picture.recording
    moved = replace(recording, trace=replace(trace, media=(bright,)))
    weight = np.zeros(pixels.shape[1:3])
    weight[:28, :28] = 1e-3
    planted(qwen_picture, monkeypatch, weight)
    found = explain(name, moved.trace, Replay(qwen_picture.checkpoint, moved), **options)
    cells = found.maps[-1].reshape(grid.shape[1:])
    assert cells[0, 0] == 1
    assert cells[2:, 2:].max() == 0


def test_blocks_of_cells_share_one_loss_and_padding_has_none(qwen_picture: Replay) -> None:
    trace = qwen_picture.trace
    [grid] = trace.vision.grids
    target = len(trace.text.tokens) - 1
    cells = explain("occlusion", trace, qwen_picture, [target], size=2).maps[target]
    cells = cells.reshape(grid.shape[1:])
    assert len(np.unique(cells[:2, :2])) == 1
    assert len(np.unique(cells)) > 2
    [picture] = trace.media
    assert pixels_of(np.array([-9.0, 0.5, 1.2, 3.0]), picture) == (slice(0, 3), slice(0, 2))
    outside = np.zeros((picture.height, picture.width), bool)
    outside[pixels_of(np.array([-9.0, 0, -1, 5]), picture)] = True
    assert not drops(qwen_picture, [Region(0, 0, 1, outside)], 4).any()


def test_of_a_clip_the_frames_of_one_cell_are_covered(
    small_clip: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = small_clip.trace
    [clip], [grid] = trace.media, trace.vision.grids
    weight = np.zeros((*clip.frames.shape[:3],))
    weight[-1] = 1e-4  # the last frame alone speaks
    frames = np.full_like(clip.frames, 60)
    frames[-1] = 255
    bright = replace(clip, frames=frames)
    moved = replace(small_clip.recording, trace=replace(trace, media=(bright,)))
    planted(small_clip, monkeypatch, weight)
    found = explain("occlusion", moved.trace, Replay(small_clip.checkpoint, moved), size=4)
    steps = found.maps[-1].reshape(grid.shape)
    assert steps[-1].max() == 1
    assert not steps[:-1].any()
