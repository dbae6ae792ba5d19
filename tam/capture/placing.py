"""Moving inputs to the model's device, and the prefix cache for a conversation's next turn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from tam.capture.run import PrefixCache, Request
from tam.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def placed(model: "PreTrainedModel", inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Move the inputs to the model's input device, and cast the pixels to the model's dtype."""
    device = _input_device(model)
    return {name: value.to(device) for name, value in in_its_dtype(model, inputs).items()}


def in_its_dtype(
    model: "PreTrainedModel", inputs: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Cast the pixels to the dtype that the model computes in."""
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    return {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _input_device(model: "PreTrainedModel") -> torch.device:
    """Return the device of the token embedding, even if accelerate has offloaded its weight."""
    embedding: Any = model.get_input_embeddings()
    hook = getattr(embedding, "_hf_hook", None)
    execution = getattr(hook, "execution_device", None)
    return torch.device(execution if execution is not None else embedding.weight.device)


def cached(
    model: "PreTrainedModel",
    adapter: Adapter,
    request: Request,
    reply: torch.Tensor,
    cache: Any,
    positions: NDArray[np.int64],
    states: torch.Tensor,
) -> PrefixCache | None:
    """Return the prefix cache for the next turn, or None if the model's cache cannot be reused."""
    if not adapter.causal or type(cache) is not DynamicCache:
        return None
    ids = np.concatenate([request.inputs["input_ids"][0].cpu().numpy(), reply[:-1].cpu().numpy()])
    if cache.get_seq_length() != len(ids):
        return None
    offset = [getattr(module, _OFFSET) for module in _keepers(model)]
    return PrefixCache(ids, cache, offset[0] if offset else None, positions, states)


def restore(model: "PreTrainedModel", prefix_cache: PrefixCache) -> None:
    """Restore the offset on the model's modules; another conversation may have run since."""
    for module in _keepers(model):
        setattr(module, _OFFSET, prefix_cache.offset)


_OFFSET = "rope_deltas"


def _keepers(model: "PreTrainedModel") -> list[torch.nn.Module]:
    """Return the modules that store the offset of text positions from the token count."""
    return [module for module in model.modules() if hasattr(module, _OFFSET)]
