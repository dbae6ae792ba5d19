"""The LM head: scores of hidden states for selected tokens, for any kind of head module."""

from typing import Any

import torch
from accelerate.utils import align_module_device
from torch import nn

from tam.capture.access import locked
from tam.engine.ops.dispatch import backend_for, select

# Number of states that go through the head at once; its output spans the whole vocabulary.
_CHUNK = 64


class LMHead:
    """The module that maps last hidden states to the vocabulary.

    If its weight is a plain tensor with one row for each token, and the head is a plain linear
    layer with that weight, only the needed rows are read. Any other head (quantised, sharded,
    wrapped by a low-rank adapter) is run as a whole, and only the needed columns of its output are
    kept.

    Parameters
    ----------
    module
        The head.
    model
        The root module of the head. It is locked while the head is read, because offloaded weights
        may be loaded meanwhile, and a packed head may have state.
    """

    def __init__(self, module: nn.Module, model: nn.Module) -> None:
        self._module = module
        self._model = model
        self._is_linear: bool | None = None

    def scores(self, ids: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Score states for some tokens: dot products with the tokens' rows, without the bias.

        Parameters
        ----------
        ids
            int64 [K]: token ids.
        states
            [P, D] of any floating-point dtype: last hidden states, after the final norm.

        Returns
        -------
        torch.Tensor
            float32 [P, K] on the device of ``states``; a new tensor.
        """
        with locked(self._model), torch.no_grad():
            if not self.reads_rows(states[-1:]):
                return self._run(ids, states)
            rows = self._gather("weight", ids).to(states.device)
        project = select("projection", backend_for(states.device))
        places, targets = (
            torch.arange(len(values), device=states.device) for values in (states, ids)
        )
        scores: torch.Tensor = project(states, places, rows, targets, relu=False)
        return scores.T

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Run the head, with its bias, on states [P, D], in the caller's grad mode.

        Returns
        -------
        torch.Tensor
            float32 [P, V]: the logits before any scaling or capping by the model family.
        """
        with locked(self._model):
            logits: torch.Tensor = self._module(states).float()
        return logits

    def reads_rows(self, probe: torch.Tensor) -> bool:
        """Whether scores can be computed from single rows of the weight.

        Parameters
        ----------
        probe
            [1, D]: a state on which the head is tested once. If the head computes more than
            products with its weight, its output differs from the scores of the rows.
        """
        if self._is_linear is None:
            with locked(self._model), torch.no_grad():
                self._is_linear = self._test(probe)
        return self._is_linear

    def _test(self, probe: torch.Tensor) -> bool:
        with align_module_device(self._module):
            weight: Any = getattr(self._module, "weight", None)
            if not _is_plain(weight, probe.shape[1]):
                return False
            count = len(weight)
        ids = torch.arange(0, count, max(1, count // _CHUNK))
        expected = self._run(ids, probe)
        rows = self._gather("weight", ids).to(probe.device).float()
        # Half-precision heads round their output; 2^-7 of the largest score is enough for bfloat16.
        tolerance = 2**-7 * float(expected.abs().max()) + 1e-6
        return float((expected - probe.float() @ rows.T).abs().max()) <= tolerance

    def _run(self, ids: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Run the whole head, a few states at a time."""
        columns = [
            self._module(chunk)[:, ids.to(states.device)].float().to(states.device)
            for chunk in states.split(_CHUNK)
        ]
        scores = torch.cat(columns) if columns else torch.zeros(0, len(ids), device=states.device)
        if getattr(self._module, "bias", None) is not None:
            scores -= self._gather("bias", ids).float().to(scores.device)
        return scores

    def _gather(self, name: str, ids: torch.Tensor) -> torch.Tensor:
        """Return some rows of a parameter, even if accelerate has offloaded it."""
        with align_module_device(self._module):
            values: Any = getattr(self._module, name)
            if not isinstance(values, torch.Tensor):
                values = values()  # in torch's quantised layers this is a method
                if values is None:
                    return torch.zeros(len(ids))
            rows: torch.Tensor = values[ids.to(values.device)].detach().clone()
        return rows


def _is_plain(weight: Any, width: int) -> bool:
    """Whether a weight is a plain floating-point matrix with one row for each token.

    Subclasses of Tensor (packed integers, shards of a distributed tensor) do not qualify, because
    indexing them may return anything.
    """
    return (
        type(weight) in (torch.Tensor, nn.Parameter)
        and weight.ndim == 2
        and weight.shape[1] == width
        and weight.is_floating_point()
        and not weight.is_meta
    )
