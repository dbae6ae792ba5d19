"""What every method of the table promises, on pictures and clips, on two families."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedConfig

from tam.errors import InputError
from tam.methods import METHODS, explain
from tam.replay import Replay

# The one for models without vision tokens has its tests with Mllama.
HERE = [name for name, method in METHODS.items() if method.cross_attention != "only"]
# So that a run takes a moment, not what a map worth looking at takes.
CHEAP: dict[str, dict[str, Any]] = {
    "integrated-gradients": {"steps": 2},
    "smooth-grad-cam++": {"samples": 1},
    "llava-cam": {"samples": 1},
    "occlusion": {"size": 6},
    "superpixel-occlusion": {"segments": 9},
    "kernel-shap": {"segments": 4, "samples": 6},
    "eagle": {"segments": 2, "scope": 1, "every": 2},
    "tam-cause": {"regions": 3},
    "tam-cause-words": {"regions": 3, "substitutes": 1},
}


def state_of(model: Any) -> dict[str, Any]:
    """All that a method could leave behind in a model."""
    configs = {
        id(module.config): module.config
        for module in model.modules()
        if isinstance(getattr(module, "config", None), PreTrainedConfig)
    }
    return {
        "hooks": [
            (len(module._forward_hooks), len(module._forward_pre_hooks))
            for module in model.modules()
        ],
        "gradients": [parameter.grad is not None for parameter in model.parameters()],
        "wanting": [parameter.requires_grad for parameter in model.parameters()],
        "training": [module.training for module in model.modules()],
        "attention": {key: config._attn_implementation for key, config in configs.items()},
    }


@pytest.mark.parametrize("name", HERE)
def test_maps_of_what_was_asked_and_nothing_left_behind(name: str, replay: Replay) -> None:
    trace, module = replay.trace, replay.checkpoint.module
    asked = list(range(trace.text.prompt_targets, len(trace.text.tokens) - 1))
    before = state_of(module)
    result = explain(name, trace, replay, asked, **CHEAP.get(name, {}))
    assert state_of(module) == before
    assert not any(before["gradients"])
    count = len(trace.text.tokens)
    assert result.maps.shape == (count, len(trace.vision.positions))
    assert result.maps.dtype == np.float32
    assert np.isfinite(result.maps[asked]).all()
    assert 0 <= result.maps[asked].min() <= result.maps[asked].max() <= 1
    assert np.isnan(np.delete(result.maps, asked, axis=0)).all(), "not asked for, so not known"
    assert METHODS[name].relevance == (result.relevance is not None)
    if result.relevance is not None:
        assert result.text_scores is not None
        assert result.text_scores.shape == result.relevance.shape == (count, count)
        assert np.isnan(np.delete(result.relevance, asked, axis=0)).all()
    assert result.maps[asked].std(axis=1).max() > 0
    assert result.provenance["method"]["name"] == name
    assert result.words[0].map(0).shape == trace.media[0].frames.shape[1:3]


@pytest.mark.parametrize("name", HERE)
def test_the_same_again(name: str, qwen_picture: Replay) -> None:
    last = [len(qwen_picture.trace.text.tokens) - 1]
    first, again = (
        explain(name, qwen_picture.trace, qwen_picture, last, **CHEAP.get(name, {}))
        for _ in range(2)
    )
    assert np.array_equal(first.maps, again.maps, equal_nan=True)


@pytest.mark.parametrize("name", HERE)
def test_a_token_that_there_is_not_is_refused(name: str, qwen_picture: Replay) -> None:
    with pytest.raises(InputError, match=r"token 999 cannot be explained; give numbers from \d+"):
        explain(name, qwen_picture.trace, qwen_picture, [999])


@pytest.mark.parametrize("name", HERE)
def test_without_a_choice_every_word_of_the_reply_is_explained(
    name: str, llava_pictures: Replay
) -> None:
    trace = llava_pictures.trace
    whole = explain(name, trace, llava_pictures, **CHEAP.get(name, {}))
    last = len(trace.text.tokens) - 1
    one = explain(name, trace, llava_pictures, [last], **CHEAP.get(name, {}))
    assert np.allclose(whole.maps[last], one.maps[last], atol=1e-5)


@pytest.mark.parametrize("name", HERE)
def test_a_half_precision_model_gets_the_same_maps(
    name: str, qwen_picture: Replay, qwen_half: Replay
) -> None:
    options = CHEAP.get(name, {})
    exact, half = (
        explain(name, replay.trace, replay, **options).maps for replay in (qwen_picture, qwen_half)
    )
    assert np.nanmean(np.abs(exact - half)) < 0.02


@pytest.mark.parametrize("name", HERE)
def test_a_caller_who_has_switched_gradients_off_gets_the_same_maps(
    name: str, qwen_picture: Replay
) -> None:
    options = CHEAP.get(name, {})
    plain = explain(name, qwen_picture.trace, qwen_picture, **options).maps
    for switched_off in (torch.no_grad(), torch.inference_mode()):
        with switched_off:
            found = explain(name, qwen_picture.trace, qwen_picture, **options).maps
        assert np.allclose(found, plain, atol=1e-5, equal_nan=True)
