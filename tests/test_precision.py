"""The ways in which models are really run agree with float32 under the same forced answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tam

PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
ANSWER = "A small red circle and a large blue star."


def explain(**options: Any) -> tam.Explanation:
    return tam.load("small", **options).explain(PICTURE, "Describe this image.", answer=ANSWER)


@pytest.fixture(scope="module")
def exact() -> tam.Explanation:
    return explain()


def correlation(first: tam.Explanation, second: tam.Explanation) -> float:
    return float(np.corrcoef(first.maps.ravel(), second.maps.ravel())[0, 1])


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.999), ("bfloat16", 0.99)])
def test_half_precision(exact: tam.Explanation, dtype: str, least: float) -> None:
    half = explain(dtype=dtype)
    assert half.provenance["dtype"] == dtype
    assert correlation(half, exact) >= least


@pytest.mark.filterwarnings("ignore:MatMul8bitLt:UserWarning")
def test_eight_bits(exact: tam.Explanation) -> None:
    quantised = explain(load_in="8bit")
    assert quantised.provenance["quantisation"] == "8bit"
    assert correlation(quantised, exact) >= 0.99


def test_weights_on_disk_give_the_same_maps(exact: tam.Explanation, tmp_path: Path) -> None:
    model = tam.load("small", device_map={"": "disk"}, offload_folder=str(tmp_path))
    assert model.module.get_output_embeddings().weight.is_meta
    offloaded = model.explain(PICTURE, "Describe this image.", answer=ANSWER)
    assert np.array_equal(offloaded.maps, exact.maps)
