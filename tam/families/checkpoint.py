"""A checkpoint: a loaded model with its processor and the adapter of its family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tam.families.adapter import Adapter
from tam.families.processor import Processor
from tam.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

__all__ = ["Checkpoint"]


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """A loaded model, as recording, replay, streaming and verification take it.

    Parameters
    ----------
    module
        The transformers model, in evaluation mode.
    processor
        Its processor.
    adapter
        The adapter of its family.
    provenance
        Name, revision, dtype and versions. JSON values only.
    """

    module: "PreTrainedModel"
    processor: Processor
    adapter: Adapter
    provenance: Mapping[str, Any]

    @property
    def tokenizer(self) -> Tokenizer:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    @property
    def lm_head(self) -> "nn.Module":
        """The module that maps last hidden states to the vocabulary."""
        return self.adapter.lm_head(self.module)

    def __repr__(self) -> str:
        return f"<Checkpoint {self.provenance['model']!r}: {self.provenance['family']}>"


class Loaded(Protocol):
    """Anything that holds a checkpoint, such as a :class:`tam.Model`."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint."""
