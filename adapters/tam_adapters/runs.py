"""Splitting runs of placeholder tokens into those of each picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError


def cut_runs(
    ids: NDArray[np.int64], token_id: int, lengths: Sequence[int], kind: str
) -> list[NDArray[np.int64]]:
    """Split the positions of one placeholder into pieces of known lengths, in order.

    Adjacent pictures share one run of placeholders; only the lengths say where each ends.

    Parameters
    ----------
    ids
        int64 [P]: token ids of the prompt.
    token_id
        The placeholder.
    lengths
        Number of placeholders of each piece.
    kind
        ``"image"`` or ``"video"``, for messages.

    Returns
    -------
    list of ndarray
        int64 positions, one array for each length.

    Raises
    ------
    ModelError
        If the prompt does not hold exactly that many placeholders, or a piece is interrupted.
    """
    positions = np.flatnonzero(ids == token_id)
    if positions.size != sum(lengths):
        raise ModelError(
            f"the prompt has {positions.size} {kind} tokens where its pictures need {sum(lengths)}",
            where=f"token id {token_id}",
            remedy="use the processor and the model of the same checkpoint, and as many pictures "
            "as the prompt shows",
        )
    pieces = np.split(positions, np.cumsum(lengths)[:-1]) if len(lengths) else []
    for number, piece in enumerate(pieces):
        if piece.size and piece[-1] - piece[0] + 1 != piece.size:
            raise ModelError(
                f"other tokens interrupt those of {kind} {number + 1}",
                where=f"positions {piece[0]} to {piece[-1]}",
                remedy="use the processor and the model of the same checkpoint",
            )
    return pieces
