"""Vision features as the language model receives them, with the tower's attention switched off."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.adapter import Adapter
from tam.prompt.encoding import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class _ReachedError(Exception):
    """Ends a run where the language model would begin."""


@contextmanager
def attention_off(model: "PreTrainedModel", adapter: Adapter) -> Iterator[None]:
    """Switch off every attention outside the text decoder, so that no patch sees another.

    A module is an attention if its class's name says so and it holds no other one; a family may
    have other such modules (``Adapter.mixers``). Its output is replaced with zeros; the residual
    connection carries each patch past it.

    A convolutional tower may have none.

    Raises
    ------
    ModelError
        If there is none where there has to be one: then patches may mix in a way that this does
        not switch off.
    """
    inside = set(adapter.embedding_consumer(model).modules())
    named = [
        module for module in model.modules() if module not in inside and _mixes(module, adapter)
    ]
    # A module that holds another one merges patches, or adds a residual connection of its own.
    modules = [m for m in named if not any(m is not n and n in m.modules() for n in named)]
    if not modules and adapter.mixers and not adapter.convolutional:
        raise ModelError(
            "no attention found outside the text decoder",
            where=type(model).__name__,
            remedy="probe a model whose vision tower is a transformer",
        )
    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_hook(_zeroed).remove)
        yield


def _mixes(module: torch.nn.Module, adapter: Adapter) -> bool:
    name = type(module).__name__.lower()
    return any(mixer in name for mixer in adapter.mixers)


def vision_features(
    model: "PreTrainedModel", adapter: Adapter, prompt: Prompt
) -> NDArray[np.float32]:
    """float32 [P, D]: what enters the text decoder at each position of the prompt."""
    seen: list[torch.Tensor] = []

    def stop(_module: torch.nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        seen.append(adapter.input_embeddings(args, kwargs))
        raise _ReachedError

    handle = adapter.embedding_consumer(model).register_forward_pre_hook(stop, with_kwargs=True)
    embedding: Any = model.get_input_embeddings()
    device = embedding.weight.device
    inputs = {
        name: value.to(device, model.dtype) if value.is_floating_point() else value.to(device)
        for name, value in prompt.inputs.items()
    }
    try:
        with torch.no_grad():
            model(**inputs, use_cache=False)
    except _ReachedError:
        pass
    finally:
        handle.remove()
    features: NDArray[np.float32] = seen[0][0].float().cpu().numpy()
    return features


def text_features(model: "PreTrainedModel", prompt: Prompt) -> NDArray[np.float32]:
    """float32 [P, D]: the embeddings of the prompt's token ids alone."""
    embedding: Any = model.get_input_embeddings()
    with torch.no_grad():
        rows = embedding(torch.from_numpy(prompt.ids).to(embedding.weight.device))
    features: NDArray[np.float32] = rows.float().cpu().numpy()
    return features


def _zeroed(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
    states = output[0] if isinstance(output, tuple) else output
    if states.ndim > 2 and states.shape[-2] == 1:
        # A single query for each group: it pools one token's patches, which nothing else carries.
        return output
    if isinstance(output, tuple):
        return (torch.zeros_like(states), *output[1:])
    return torch.zeros_like(states)
