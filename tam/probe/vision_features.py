"""Vision features at the input of the language model, with the tower's attention switched off."""

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
    """Ends a forward pass at the input of the language model."""


@contextmanager
def attention_off(model: "PreTrainedModel", adapter: Adapter) -> Iterator[None]:
    """Switch off all attention outside the text decoder, so that no patch sees another.

    Attention modules are recognised by the names of their classes (``Adapter.mixers``); of nested
    ones, only the innermost counts. Their output is replaced with zeros, and the residual
    connection carries each patch past them.

    A convolutional tower may have no attention.

    Raises
    ------
    ModelError
        If no attention is found although the family needs it, because patches may then mix in a
        way that cannot be switched off.
    """
    inside = set(adapter.embedding_consumer(model).modules())
    named = [
        module for module in model.modules() if module not in inside and _mixes(module, adapter)
    ]
    # An outer module also merges patches or has its own residual connection, so it must stay on.
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
    """Return the input of the text decoder at each position of the prompt, float32 [P, D]."""
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
    """Return the embeddings of the prompt's token ids, without vision features, float32 [P, D]."""
    embedding: Any = model.get_input_embeddings()
    with torch.no_grad():
        rows = embedding(torch.from_numpy(prompt.ids).to(embedding.weight.device))
    features: NDArray[np.float32] = rows.float().cpu().numpy()
    return features


def _zeroed(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
    states = output[0] if isinstance(output, tuple) else output
    if states.ndim > 2 and states.shape[-2] == 1:
        # A single query per group pools the patches of one token. Zeros would lose them, because no
        # residual connection carries them.
        return output
    if isinstance(output, tuple):
        return (torch.zeros_like(states), *output[1:])
    return torch.zeros_like(states)
