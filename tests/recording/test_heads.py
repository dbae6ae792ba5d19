"""All kinds of heads: maps with a quantised or adapted head, compared with float32."""

from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

import tam
from tam.recording.lm_head import LMHead

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.ao.quantization is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]

PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
ANSWER = "A small red circle and a large blue star."


@pytest.fixture(scope="module")
def exact() -> tam.Explanation:
    return explained(tam.load("small"))


def explained(model: tam.Model) -> tam.Explanation:
    return model.explain(PICTURE, "Describe this image.", answer=ANSWER)


def correlation(first: tam.Explanation, second: tam.Explanation) -> float:
    return float(np.corrcoef(first.maps.ravel(), second.maps.ravel())[0, 1])


def test_a_model_quantised_in_code(exact: tam.Explanation) -> None:
    from torch.ao.quantization import quantize_dynamic

    model = tam.load("small")
    quantize_dynamic(model.module, {nn.Linear}, dtype=torch.qint8, inplace=True)
    quantised = tam.wrap(model.module, model.processor)
    found = explained(quantised)
    assert found.provenance["quantisation"] == "torch dynamic quantisation Linear"
    assert correlation(found, exact) >= 0.98
    head = LMHead(quantised.checkpoint.lm_head, quantised.module)
    assert not head.reads_rows(torch.randn(1, 160))


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": ["lm_head"]},
        {"modules_to_save": ["lm_head"], "target_modules": ["q_proj"]},
    ],
)
def test_a_head_that_was_tuned(exact: tam.Explanation, options: dict[str, Any]) -> None:
    """The maps equal those of the merged weights."""
    model = tam.load("small")
    torch.manual_seed(0)
    tuned = get_peft_model(model.module, LoraConfig(r=2, init_lora_weights=False, **options))
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "modules_to_save" in name:
                parameter += 0.02 * torch.randn_like(parameter)
    apart = explained(tam.wrap(tuned, model.processor))
    assert correlation(apart, exact) < 0.9999, "the tuning is seen"
    merged = explained(tam.wrap(tuned.merge_and_unload(), model.processor))
    assert np.allclose(apart.maps, merged.maps, atol=1e-4)


def test_the_bias_of_a_packed_head_is_no_part_of_a_score() -> None:
    class Packed(nn.Module):
        """Its weight is not readable, its bias is given by a method, as torch's own have it."""

        def __init__(self, inner: nn.Linear) -> None:
            super().__init__()
            self.inner = inner

        def bias(self) -> torch.Tensor:
            return self.inner.bias

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return self.inner(states)

    inner = nn.Linear(8, 20)
    ids, states = torch.tensor([3, 19]), torch.randn(5, 8)
    wanted = states @ inner.weight[ids].T
    assert torch.allclose(LMHead(Packed(inner), inner).scores(ids, states), wanted, atol=1e-5)
    assert torch.allclose(LMHead(inner, inner).scores(ids, states), wanted, atol=1e-5)
