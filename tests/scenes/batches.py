"""Small training batches, and the encoder that makes them."""

from typing import Any

from tam.scenes.batch import Batch, Encoder, make_batch
from tam.scenes.tokens import build_tokenizer

TOKENIZER = build_tokenizer()
ENCODER = Encoder(TOKENIZER)


def training_batch(**options: Any) -> Batch:
    """Make a batch of three rows of 9 x 7 cells, or with other options of `make_batch`."""
    defaults: dict[str, Any] = {
        "split": "train",
        "first": 1,
        "count": 3,
        "grid": (9, 7),
        "objects": (1, 2),
        "turns": 3,
        "masks": False,
    }
    return make_batch(ENCODER, **(defaults | options))
