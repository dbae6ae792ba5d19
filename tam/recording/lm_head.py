"""The LM head: the few rows of it that are needed, or their scores where it gives no rows."""

from typing import Any

import torch

# States that go through a packed head at once; its output has the whole vocabulary.
_CHUNK = 64


def head_rows(head: torch.nn.Module, ids: torch.Tensor, probe: torch.Tensor) -> torch.Tensor | None:
    """Give the rows of the head's weight for some token ids.

    Parameters
    ----------
    head
        The LM head.
    ids
        int64 [K].
    probe
        [1, D]: a state that the rows are tried on: a head that is quantised, wrapped or otherwise
        more than its weight gives other scores than they do.

    Returns
    -------
    [K, D], or None where the weight is not what the head computes with.
    """
    rows = gathered_rows(head, ids, probe.shape[1])
    if rows is None:
        return None
    expected = head_scores(head, ids, probe)
    found = probe.float() @ rows.to(probe.device).float().T
    # Half-precision heads round their output: 2^-7 of the largest score covers bfloat16.
    tolerance = 2**-7 * float(expected.abs().max()) + 1e-6
    close = float((expected.to(found.device) - found).abs().max()) <= tolerance
    return rows if close else None


def gathered_rows(head: torch.nn.Module, ids: torch.Tensor, width: int) -> torch.Tensor | None:
    """Give the rows [K, D] of the head's weight, untried; None where it holds none of that width.

    For a head whose rows :func:`head_rows` has found to be what it computes with.
    """
    from accelerate.utils import align_module_device

    with align_module_device(head):
        weight = getattr(head, "weight", None)
        if not isinstance(weight, torch.Tensor) or not _is_plain(weight, width):
            return None
        return weight[ids.to(weight.device)].detach().clone()


def _is_plain(weight: torch.Tensor, width: int) -> bool:
    """Whether a weight holds one readable row of numbers for each token."""
    shaped = weight.ndim == 2 and weight.shape[1] == width
    return shaped and weight.is_floating_point() and not weight.is_meta


def head_scores(head: torch.nn.Module, ids: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Score states for some token ids by running the head itself, a few states at a time.

    Parameters
    ----------
    head
        The LM head, of any kind.
    ids
        int64 [K].
    states
        [P, D].

    Returns
    -------
    float32 [P, K] on the device of ``states``, without the head's bias.
    """
    bias: Any = getattr(head, "bias", None)
    columns = []
    with torch.no_grad():
        for chunk in states.split(_CHUNK):
            scores = head(chunk)[:, ids.to(states.device)].float()
            columns.append(scores if bias is None else scores - _gather(head, ids, scores.device))
    return torch.cat(columns).to(states.device)


def _gather(head: torch.nn.Module, ids: torch.Tensor, device: torch.device) -> torch.Tensor:
    from accelerate.utils import align_module_device

    with align_module_device(head):
        bias = head.bias
        assert isinstance(bias, torch.Tensor)
        return bias[ids.to(bias.device)].detach().float().to(device)
