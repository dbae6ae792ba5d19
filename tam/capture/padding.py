"""Several prompts as one batch, with shorter prompts padded on the left."""

from collections.abc import Mapping, Sequence

import torch
from torch.nn.functional import pad


def fitting_parts(requests: Sequence[Mapping[str, torch.Tensor]]) -> list[list[int]]:
    """Divide prompts into batches that need no padding of their pictures or clips.

    Many models treat zeros that pad a shorter clip, or a picture of fewer tiles, as frames and
    tiles, and some expect pictures and clips in a particular order.

    Parameters
    ----------
    requests
        As in :func:`padded`.

    Returns
    -------
    list of list of int
        The indices of each batch; batches are ordered by their first index.

    Examples
    --------
    >>> ids = torch.ones(1, 9, dtype=torch.int64)
    >>> shapes = [(1, 3), (1, 4), (2, 3)]
    >>> fitting_parts([{"input_ids": ids, "pixel_values": torch.ones(s)} for s in shapes])
    [[0, 2], [1]]
    """
    parts: dict[object, list[int]] = {}
    for index, inputs in enumerate(requests):
        length = int(inputs["input_ids"].shape[1])
        shapes = frozenset(
            (name, value.shape[1:])
            if value.shape[:2] != (1, length)
            else (name, ("of each token", *value.shape[2:]))
            for name, value in inputs.items()
        )
        parts.setdefault(shapes, []).append(index)
    return list(parts.values())


def padded(requests: Sequence[Mapping[str, torch.Tensor]], pad_id: int) -> dict[str, torch.Tensor]:
    """Combine the processor's outputs for several prompts into one batch.

    Outputs with one entry for each token are padded on the left. All others (pixels, sizes of
    pictures) are concatenated and, where pictures differ in size, padded with zeros as processors
    do.

    Parameters
    ----------
    requests
        The outputs for each prompt: ``input_ids`` [1, P] and others [1, P, …] or [n, …].
    pad_id
        Token id of the padding.

    Examples
    --------
    >>> short, long = ({"input_ids": torch.ones(1, n, dtype=torch.int64)} for n in (2, 3))
    >>> padded([short, long], pad_id=0)["input_ids"]
    tensor([[0, 1, 1],
            [1, 1, 1]])
    """
    lengths = [int(inputs["input_ids"].shape[1]) for inputs in requests]
    names = {name: None for inputs in requests for name in inputs}
    batch = {}
    for name in names:
        present = [
            (inputs[name], length)
            for inputs, length in zip(requests, lengths, strict=True)
            if name in inputs
        ]
        if all(value.shape[:2] == (1, length) for value, length in present):
            fill = pad_id if name == "input_ids" else 0
            batch[name] = torch.cat(
                [_left(value, max(lengths) - length, fill) for value, length in present]
            )
        else:
            batch[name] = _concatenated([value for value, _ in present])
    return batch


def _left(value: torch.Tensor, missing: int, fill: int) -> torch.Tensor:
    """Pad the second dimension of [1, P, …] on the left."""
    trailing = [0, 0] * (value.ndim - 2)
    return pad(value, (*trailing, missing, 0), value=fill)


def _concatenated(values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Concatenate [n, …] along the first dimension, padding the others to their largest size."""
    shape = [max(sizes) for sizes in zip(*(value.shape[1:] for value in values), strict=True)]
    enlarged = []
    for value in values:
        missing = [(0, size - own) for size, own in zip(shape, value.shape[1:], strict=True)]
        enlarged.append(pad(value, [edge for pair in reversed(missing) for edge in pair]))
    return torch.cat(enlarged)
