"""The projection on any device."""

import threading

import torch

from tam.engine.ops.blocks import blocks, on_threads, one_thread

# Number of states that are cast and projected at once.
_STATES_CPU, _STATES = 256, 8192


def projection(
    states: torch.Tensor,
    positions: torch.Tensor,
    head: torch.Tensor,
    ids: torch.Tensor,
    *,
    relu: bool = True,
) -> torch.Tensor:
    """Project selected states onto selected LM-head rows in float32; see :mod:`.naive`.

    Parameters
    ----------
    states, head
        [L, D] and [V, D] of any floating dtypes.
    positions, ids
        int64 [P] and [K].
    relu
        Whether to apply the ReLU.

    Returns
    -------
    float32 [K, P] on the device of ``states``.
    """
    device = states.device
    scores = torch.empty(len(ids), len(positions), device=device)
    size = min(len(positions), _STATES_CPU if device.type == "cpu" else _STATES)
    own = threading.local()
    with one_thread(device):
        rows = head[ids].to(device).float()

        def gathered(part: slice) -> torch.Tensor:
            index, count = positions[part], part.stop - part.start
            # The tokens of a picture mostly follow each other. (Elsewhere than on a CPU, looking
            # means waiting.)
            if device.type == "cpu" and bool((index.diff() == 1).all()):
                return states[int(index[0]) :][:count]
            if not hasattr(own, "states"):
                # Made once for all blocks: memory that is asked for again for each costs more than
                # the copy into it.
                own.states = states.new_empty(size, states.shape[1])
            return torch.index_select(states, 0, index, out=own.states[:count])

        def project(part: slice) -> None:
            product = rows @ gathered(part).float().T
            if not relu:
                scores[:, part] = product
                return
            # 0 · x is NaN if x is not finite, else 0; the ReLU alone would hide -inf.
            poison = product * 0
            torch.add(product.relu_(), poison, out=scores[:, part])

        on_threads(project, blocks(len(positions), size), device)
    return scores
