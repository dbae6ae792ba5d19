"""The published run: its choice of classes, and the cells that its filter leaves undefined."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import tam
from benchmarks.published import filter_by_loops
from tam.engine.maps import token_activation_maps
from tam.methods import explain
from tam.methods.published import exchanged, published_classes, undefined_cells
from tam.replay import Replay
from tests.conftest import GOLDENS


def published_filter(scaled: np.ndarray) -> np.ndarray:
    """The rank filter of one grid as the published code computes it, with NaN where it has NaN."""
    padded = np.pad(scaled, 1, mode="reflect")
    ranks = np.arange(9) - 4
    found = np.zeros_like(scaled)
    for i, j in np.ndindex(*scaled.shape):
        window = np.sort(padded[i : i + 3, j : j + 3].ravel())
        if window.mean() > 0:
            sigma = window.std() / window.mean()
            with np.errstate(all="ignore"):
                weights = np.exp(-(ranks**2) / (2 * sigma**2))
                found[i, j] = (window * (weights / weights.sum())).sum()
    return found


def published_maps(replay: Replay) -> np.ndarray:
    """[K, N] of the published procedure over the model's own logits, target by target."""
    trace, model = replay.trace, replay.checkpoint.module
    prompt = replay.recording.prepared.prompt.ids
    states = torch.cat([trace.vision_states, trace.context_states]).float()
    with torch.no_grad():
        logits = replay.checkpoint.lm_head(states).float().numpy()
    cells, n = len(trace.vision.positions), trace.text.prompt_targets
    ids = trace.text.ids
    classes = ids.copy()
    classes[0] = int(logits[cells].argmax())
    classes[n] = prompt[-1]
    assert model.config.image_token_id not in classes
    scores = np.maximum(logits[:, classes], 0)
    maps = np.zeros((len(ids), cells), np.float32)
    for t in range(len(ids)):
        earlier = np.where(ids[:t] != ids[t], scores[cells : cells + t, t], 0)
        interference = scores[:cells, :t] @ (earlier / (earlier.sum() + 1e-8))
        scale = (scores[:cells, t] @ interference) / max(interference @ interference, 1e-30)
        residual = np.maximum(scores[:cells, t] - scale * interference, 0)
        both = np.concatenate([residual, scores[cells : cells + max(t, n), t]])
        scaled = (residual - both.min()) / (np.ptp(both) or 1)
        first = 0
        for h, w in trace.vision.filter_grids:
            grid = scaled[first : first + h * w].reshape(h, w)
            maps[t, first : first + h * w] = published_filter(grid).ravel()
            first += h * w
    return maps


def test_a_reply_of_small_is_explained_as_the_published_code_does(small: tam.Model) -> None:
    picture = tam.open_image("tam/scenes/demo.png")
    recording = small.run(tam.Conversation((tam.Turn("user", (picture, "Describe this image.")),)))
    replay = Replay(small.checkpoint, recording)
    found = explain("tam-published", replay.trace, replay)
    wanted = published_maps(replay)
    assert np.array_equal(np.isnan(found.maps), np.isnan(wanted))
    grey = np.floor(255 * np.nan_to_num(wanted)).astype(int)
    off = np.abs(np.floor(255 * np.nan_to_num(found.maps)).astype(int) - grey)
    # A value on the edge between two levels may fall on either side by rounding.
    assert off.max() <= 1
    assert (off > 0).mean() < 1e-3
    plain = explain("tam", replay.trace, replay)
    assert not np.allclose(found.maps, plain.maps)
    assert found.provenance["method"] == {"name": "tam-published", "kernel_size": 3}


def test_the_classes_are_the_published_ones(small_picture: Replay) -> None:
    trace, prompt = small_picture.trace, small_picture.recording.prepared.prompt.ids
    classes = published_classes(trace, small_picture)
    n = trace.text.prompt_targets
    assert classes[n] == prompt[-1] != trace.text.ids[n]
    assert classes[0] == int(trace.lm_head.logits(trace.context_states[:1]).argmax())
    kept = np.delete(np.arange(len(classes)), [0, n])
    assert np.array_equal(classes[kept], trace.text.ids[kept])


@pytest.mark.parametrize("case", sorted(GOLDENS.glob("*.npz")), ids=lambda path: path.stem)
def test_the_choice_gives_the_runs_of_the_published_code(case: Path) -> None:
    with np.load(case) as golden:
        n, places = int(golden["prompt_length"]), golden["context_positions"]
        likeliest = int((golden["hidden"][places[0]] @ golden["head"].T).argmax())
        last = int(golden["token_ids"][places[n]])
        classes = exchanged(golden["context_token_ids"], n, likeliest, last)
        assert np.array_equal(classes, golden["class_ids"])
        result = token_activation_maps(
            golden["hidden"],
            golden["head"],
            golden["vision_positions"],
            places,
            golden["context_token_ids"],
            golden["grids"],
            n,
            class_ids=classes,
        )
        assert np.array_equal(np.floor(255 * result.maps), golden["map_uint8"])


@pytest.mark.parametrize("value", [0.5, 1.0])
def test_an_even_window_is_not_known_where_the_published_filter_has_nan(
    value: float, small_picture: Replay
) -> None:
    grid = np.zeros((6, 7), np.float32)
    grid[:, 3:] = value
    assert np.isnan(published_filter(grid))[:, 4:].all()
    assert not np.isnan(filter_by_loops(grid.astype(float))).any()
    # One head row makes these scores, a text score of 1 makes the scale.
    states = np.concatenate([grid.reshape(-1, 1), np.ones((1, 1), np.float32)])
    args = (np.arange(42), [42, 42], [1, 2], [(6, 7)], 2)
    rows = np.array([[0.0], [1.0]], np.float32)
    result = token_activation_maps(
        torch.from_numpy(states), torch.from_numpy(rows), *args, stages=True
    )
    layout = SimpleNamespace(
        text=SimpleNamespace(prompt_targets=2), vision=SimpleNamespace(filter_grids=((6, 7),))
    )
    unknown = undefined_cells(layout, result, 3)
    assert np.array_equal(unknown[1].reshape(6, 7), np.isnan(published_filter(grid)))
    assert not undefined_cells(layout, result, 1).any()
