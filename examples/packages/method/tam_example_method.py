"""A method that compares each cell's state with the state that a word was predicted from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.nn.functional import cosine_similarity

from tam.methods import described
from tam.recording.trace import Trace
from tam.replay import Replay


@described(
    summary="cosine of each cell's state with the word's",
    source="an example",
    cost="1 matrix product",
)
def likeness(
    trace: Trace, replay: Replay, targets: Sequence[int], *, power: float = 1.0
) -> NDArray[np.float32]:
    """Return the cosine [T, N] of the states [N, D] of the cells and [T, D] of the targets."""
    words = trace.context_states[list(targets)].float()
    cells = trace.vision_states.float()
    alike = cosine_similarity(words[:, None], cells[None], dim=-1)
    return (alike.clamp(min=0) ** power).cpu().numpy()
