"""Mllama: its keys lie where the adapter says, and its own method follows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tam
from tam.errors import InputError, ModelError
from tam.media import Media, open_media
from tam.model.verify import verify
from tam.prompt.conversation import question
from tam.prompt.encoding import encode
from tam.replay import Replay
from tam.testing import probe_clip, probe_picture
from tests.loaded import layout_of, scaled
from tests.tiny.mllama import MAX_TILES, SIDE, tiny_mllama

# transformers 5.17 calls its own layers by an argument that it has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`hidden_state` is deprecated:FutureWarning")

PROMPT = "What is in the picture"
METHOD = "cross-attention-gradient"
PER_TILE = SIDE**2 + 1
PICTURES = [probe_picture(60, 90), probe_picture(40, 40, seed=1)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tam.Model:
    return tam.load(tiny_mllama(tmp_path_factory.mktemp("mllama")))


def writing(model: tam.Model) -> dict[str, Any]:
    return {"max_new_tokens": 5, "suppress_tokens": sorted(model.special_ids())}


def test_tiles_are_stitched_and_padding_lies_below(model: tam.Model) -> None:
    image = model.module.config.image_token_index
    wide, square = layout_of((model.module, model.processor), [image, image], PICTURES).grids
    # 84 × 84 pixels are two by two tiles; 90 × 60 pixels become 84 × 56.
    assert (wide.view, wide.shape, wide.box) == ("tiles", (1, 6, 6), (0, 0, 90, 90))
    assert wide.seams == ((45,), (45,))
    assert wide.positions[:4].tolist() == [1, 2, 3, 1 + PER_TILE]
    assert (square.view, square.box) == ("whole", (0, 0, 40, 40))
    assert square.positions[0] == MAX_TILES * PER_TILE + 1
    with pytest.raises(ModelError, match="shows 1 pictures of 2"):
        layout_of((model.module, model.processor), [image], PICTURES)
    with pytest.raises(ModelError, match="takes no clips"):
        layout_of((model.module, model.processor), [image], [probe_clip(2, 40, 40)])


@contextmanager
def without_vision_attention(model: tam.Model) -> Iterator[None]:
    """Let each patch see only its own pixels."""
    outputs = [
        layer.self_attn.o_proj.weight
        for part in (
            model.module.model.vision_model.transformer,
            model.module.model.vision_model.global_transformer,
        )
        for layer in part.layers
    ]
    kept = [weight.detach().clone() for weight in outputs]
    with torch.no_grad():
        for weight in outputs:
            weight.zero_()
        yield
        for weight, own in zip(outputs, kept, strict=True):
            weight.copy_(own)


def keys_of(model: tam.Model, media: list[Media]) -> torch.Tensor:
    """Return the states [S, D] that the cross-attention layers read."""
    prompt: Any = encode(model.processor, question(media, PROMPT), model.adapter)
    seen = []
    hook = model.module.model.multi_modal_projector.register_forward_hook(
        lambda _module, _args, output: seen.append(output)
    )
    with torch.no_grad():
        model.module(**prompt.inputs)
    hook.remove()
    return seen[0].reshape(-1, seen[0].shape[-1])


@pytest.mark.parametrize("place", [(0, 0, 0), (0, 31, 62), (0, 50, 80), (1, 20, 20)])
def test_changed_pixels_change_the_keys_of_their_cells(
    model: tam.Model, place: tuple[int, int, int]
) -> None:
    which, top, left = place
    changed = [item.frames[0].copy() for item in PICTURES]
    changed[which][top : top + 8, left : left + 8] ^= 255
    with without_vision_attention(model):
        before = keys_of(model, PICTURES)
        after = keys_of(model, [open_media(pixels) for pixels in changed])
    moved = set(torch.nonzero((after - before).abs().amax(-1) > 1e-5).ravel().tolist())
    image = model.module.config.image_token_index
    grids = layout_of((model.module, model.processor), [image, image], PICTURES).grids
    grid = grids[which]
    # A bilinear kernel reaches one pixel of the model's input beyond a cell.
    reach = 1.5
    x0, y0, x1, y1 = grid.boxes.T
    near = (x0 < left + 8 + reach) & (x1 > left - reach) & (y0 < top + 8 + reach)
    near &= y1 > top - reach
    inside = (x0 < left + 7) & (x1 > left + 1) & (y0 < top + 7) & (y1 > top + 1)
    assert moved <= set(grid.positions[near].tolist())
    assert set(grid.positions[inside].tolist()) <= moved


@pytest.mark.parametrize("at_once", [64, 2])
def test_given_ids_get_the_maps_of_generated_ones_and_are_saved(
    model: tam.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("tam.capture.forcing._CHUNK", at_once)
    written = model.explain(PICTURES, PROMPT, method=METHOD, **writing(model))
    reply = written.tokens[written.prompt_targets :]
    given = model.explain(PICTURES, PROMPT, method=METHOD, answer=[token.id for token in reply])
    assert np.allclose(given.maps, written.maps, atol=1e-5, equal_nan=True)
    assert "not token activation maps" in written.provenance["notes"][0]
    assert written.relevance is None
    assert written.token_grounding is None
    assert written.token_map(written.prompt_targets, media=1).shape == (40, 40)
    written.save(tmp_path / "saved")
    again = tam.load_explanation(tmp_path / "saved")
    assert np.array_equal(again.maps, written.maps, equal_nan=True)
    assert again.grids[1].positions.tolist() == written.grids[1].positions.tolist()


def test_the_map_is_the_weights_times_their_gradients(model: tam.Model) -> None:
    recording = model.run(question(PICTURES, PROMPT), **writing(model))
    replay, target = Replay(model.checkpoint, recording), recording.trace.text.prompt_targets + 2
    found = model.explain_recording(recording, method=METHOD)
    run = replay.run([target], gradients=True, cross_attention=True)
    [weights] = run.attentions
    layout = recording.trace.vision
    used = np.concatenate([layout.positions, layout.separators])
    # Nothing is read from unused tiles, and every word after a picture reads from its own.
    last = weights[0, :, -1].detach()
    assert torch.allclose(last[:, used].sum(1), torch.ones(len(last)), atol=1e-5)
    (gradient,) = torch.autograd.grad(run.scores[0], weights)
    rows = np.zeros(weights.shape[-1])
    for head in range(weights.shape[1]):
        for query in range(weights.shape[2]):
            product = (weights[0, head, query] * gradient[0, head, query]).detach().numpy()
            rows += np.maximum(product, 0) / weights.shape[1]
    assert np.allclose(found.maps[target], scaled(rows[layout.positions]), atol=1e-4)


def test_methods_that_read_vision_tokens_are_refused_before_the_model_runs(
    model: tam.Model, llava_folder: Path
) -> None:
    for method in ("tam", "attention", f"{METHOD}/color-affinity"):
        with pytest.raises(InputError, match=r"only through cross-attention; use one of cross-"):
            model.explain(PICTURES, PROMPT, method=method)
    with pytest.raises(InputError, match="only through cross-attention"):
        next(iter(model.stream(PICTURES, PROMPT)))
    with pytest.raises(ModelError, match="no vision tokens to check"):
        verify(model)
    with pytest.raises(InputError, match="as tokens of its sequence"):
        tam.load(llava_folder).explain(PICTURES[:1], PROMPT, method=METHOD, answer="a dog")
    covered = model.explain(PICTURES[1:], PROMPT, method="occlusion", answer="a dog")
    assert np.isfinite(covered.maps[covered.prompt_targets :]).all()
