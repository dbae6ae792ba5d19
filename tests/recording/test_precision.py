"""Common precisions and quantisations agree with float32 under the same forced answer."""

from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import numpy as np
import pytest
import torch
from transformers import GenerationConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration

import tam
from tam.errors import ModelError
from tam.model.loading import check_four_bits
from tam.scenes.tokens import build_processor, build_tokenizer
from tam.scenes.training.network import small_config

PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
ANSWER = "A small red circle and a large blue star."


def explain(name: str | Path = "small", **options: Any) -> tam.Explanation:
    return tam.load(name, **options).explain(PICTURE, "Describe this image.", answer=ANSWER)


@pytest.fixture(scope="module")
def exact() -> tam.Explanation:
    return explain()


def correlation(first: tam.Explanation, second: tam.Explanation) -> float:
    return float(np.corrcoef(first.maps.ravel(), second.maps.ravel())[0, 1])


def error_ratio(found: tam.Explanation, wanted: tam.Explanation) -> float:
    """Return the norm of the difference of all maps divided by the norm of the maps."""
    return float(np.linalg.norm(found.maps - wanted.maps) / np.linalg.norm(wanted.maps))


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.999), ("bfloat16", 0.99)])
def test_half_precision(exact: tam.Explanation, dtype: str, least: float) -> None:
    half = explain(dtype=dtype)
    assert half.provenance["dtype"] == dtype
    assert correlation(half, exact) >= least
    # Sixteen roundings of the dtype: 0.016 in float16, 0.125 in bfloat16.
    assert error_ratio(half, exact) <= 16 * torch.finfo(getattr(torch, dtype)).eps


@pytest.mark.filterwarnings("ignore:MatMul8bitLt:UserWarning")
def test_eight_bits(exact: tam.Explanation) -> None:
    quantised = explain(load_in="8bit")
    assert quantised.provenance["quantisation"] == "8bit"
    assert correlation(quantised, exact) >= 0.99


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model like the small one with random weights and widths that are multiples of 64."""
    tokenizer = build_tokenizer()
    config = small_config(tokenizer).to_dict()
    config["text_config"] |= {"hidden_size": 192, "intermediate_size": 448}
    config["text_config"] |= {"num_attention_heads": 6, "num_key_value_heads": 6}
    config["vision_config"]["hidden_size"] = 192
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**config))
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id)
    folder = tmp_path_factory.mktemp("wider")
    model.save_pretrained(folder)
    build_processor().save_pretrained(folder)
    return folder


def test_four_bits(wider: Path) -> None:
    # Random weights use every bit, so this is a lower bound for what trained ones keep.
    exact, packed = explain(wider), explain(wider, load_in="4bit")
    assert packed.provenance["quantisation"] == "4bit"
    assert correlation(packed, exact) >= 0.8


@pytest.mark.parametrize("packed", [True, False])
def test_widths_that_four_bits_get_wrong_on_a_cpu_are_refused(packed: bool) -> None:
    for width, fits in ((128, True), (160, False)):
        layer = bnb.nn.Linear4bit(width, 64)
        layer.support_avx512bf16_for_cpu = packed  # normally set by the type of CPU
        module = torch.nn.ModuleDict({"gate": layer, "plain": torch.nn.Linear(160, 64)})
        if fits:
            check_four_bits(module)
        else:
            with pytest.raises(ModelError, match="gate is 160 wide"):
                check_four_bits(module)


def test_weights_on_disk_give_the_same_maps(exact: tam.Explanation, tmp_path: Path) -> None:
    model = tam.load("small", device_map={"": "disk"}, offload_folder=str(tmp_path))
    assert model.module.get_output_embeddings().weight.is_meta
    offloaded = model.explain(PICTURE, "Describe this image.", answer=ANSWER)
    assert np.array_equal(offloaded.maps, exact.maps)
