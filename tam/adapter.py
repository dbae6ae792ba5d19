"""What the toolkit asks of a model family.

An adapter answers one question of its own, :meth:`Adapter.vision_layout`: which part of which
picture does each vision token cover? Everything else has an answer that fits most families.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.layout import VisionLayout
from tam.media.media import Media

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import Cache


@dataclass(frozen=True, eq=False)
class PlacedMedia:
    """A picture or clip and the turn that shows it."""

    media: Media
    turn: int


@dataclass(frozen=True, eq=False, repr=False)
class Encoded:
    """One encoded prompt, as an adapter sees it.

    Parameters
    ----------
    ids
        int64 [P]: the prompt's token ids, vision placeholders expanded.
    arrays
        The processor's other outputs as NumPy arrays, without the pixels (for example
        ``image_grid_thw``).
    media
        The pictures and clips in the order in which the prompt shows them.
    config
        The model's configuration (``model.config``).
    processor
        The model's processor.
    """

    ids: NDArray[np.int64]
    arrays: Mapping[str, NDArray[Any]]
    media: Sequence[PlacedMedia]
    config: Any
    processor: Any

    def __repr__(self) -> str:
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return f"<Encoded {len(self.ids)} tokens: {shapes}, {list(self.media)}>"


class Adapter(ABC):
    """One architecture family. Subclass it, give it a layout, and register it.

    Attributes
    ----------
    family
        The name that people know the family by.
    notes
        Where the family breaks an assumption of the method; goes into every explanation.
    chat_template
        How its prompts are written, for families whose processors carry no chat template.
    taps
        How far the processor's resize reaches, in pixels of the model's input: 1 bilinear, 2
        bicubic, 3 Lanczos, more where it resizes twice. For the layout probe.
    causal
        Whether the state of a text token depends on what stands before it only. Where it does not,
        nothing that was computed for one turn serves the next.
    batches
        Whether several prompts, padded on the left, give the states that each gives alone.
    convolutional
        Whether the vision tower is convolutional: a vision token also sees what lies around its
        cell, less with the distance. For the layout probe.
    reply_token_type
        What a token of a reply is marked with where the inputs tell the types of tokens.
    """

    family: str
    notes: tuple[str, ...] = ()
    chat_template: str | None = None
    taps: int = 2
    reply_token_type: int = 0
    causal: bool = True
    batches: bool = True
    convolutional: bool = False

    @abstractmethod
    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Every position whose state comes from a picture must be a cell of one grid or a separator.

        Raises
        ------
        ModelError
            If the checkpoint is of a kind that the adapter does not know.
        """

    def check(self, config: Any) -> None:
        """Refuse a configuration that only looks like this family's, before weights are loaded.

        Raises
        ------
        ModelError
            With the reason, and what to use in its place.
        """
        del config

    def call_processor(self, processor: Any, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Parameters
        ----------
        processor
            The model's processor.
        options
            Its arguments: the prompt, the decoded media, and what it is to give back.

        Returns
        -------
        Its outputs, with ``offset_mapping`` and, where placeholders were expanded,
        ``text_replacement_offsets``.
        """
        return processor(**options)

    def decoder(self, model: Any) -> "nn.Module":
        """Give the module whose first output is the final-normed last hidden state [B, L, D]."""
        decoder: nn.Module = model.get_decoder()
        return decoder

    def new_cache(self, model: Any) -> "Cache | None":
        """Give an empty cache, for a model that makes none of its own in its first forward pass."""
        del model
        return None

    def cell_pixels(self, config: Any, processor: Any) -> tuple[int, int] | None:
        """Give height and width of a vision token in pixels of the model's input.

        For the layout probe: the smaller, the less sharply it looks. None stands for patch size
        times merge size, as the vision configuration says them.
        """
        del config, processor
        return None

    def entrance(self, model: Any) -> "nn.Module":
        """Give the module that the text and the vision features of a prompt enter together.

        The layout probe looks at what enters it; see :meth:`entering`.
        """
        return self.decoder(model)

    def entering(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "torch.Tensor":
        """Give what enters that module at each position, [B, P, D], from its arguments."""
        del args
        embeddings: torch.Tensor = kwargs["inputs_embeds"]
        return embeddings

    def head(self, model: Any) -> "nn.Module":
        """Give the LM head, which maps those states to the vocabulary."""
        head: nn.Module = model.get_output_embeddings()
        return head
