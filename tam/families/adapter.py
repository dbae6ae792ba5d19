"""The adapter protocol: what the toolkit needs to know about a model family.

Every adapter implements one method, :meth:`Adapter.vision_layout`, which says which part of which
picture each vision token covers. Everything else has a default that fits most families.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.families.boxes import BoxStyle
from tam.families.processor import Processor
from tam.families.release import is_older
from tam.geometry.layout import VisionLayout
from tam.media.media import Media

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import Cache, PreTrainedModel

__all__ = ["Adapter", "Encoded", "PlacedMedia"]


@dataclass(frozen=True, eq=False)
class PlacedMedia:
    """A picture or clip and the turn that shows it."""

    media: Media
    turn: int


@dataclass(frozen=True, eq=False, repr=False)
class Encoded:
    """One encoded prompt, the input of an adapter.

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
    processor: Processor

    def __repr__(self) -> str:
        shapes = {name: list(value.shape) for name, value in self.arrays.items()}
        return f"<Encoded {len(self.ids)} tokens: {shapes}, {list(self.media)}>"


class Adapter(ABC):
    """One architecture family. Subclass it, implement the layout, and register it.

    Attributes
    ----------
    family
        The common name of the family.
    notes
        Assumptions of the method that the family violates; noted in every explanation.
    chat_template
        The chat template, for families whose processors have none.
    resize_radius
        Radius of the processor's resize kernel, in pixels of the model's input: 1 bilinear, 2
        bicubic, 3 Lanczos, more if it resizes twice. The layout probe uses it.
    mixers
        Substrings of the names of the classes through which vision tokens interact before they
        enter the language model. The layout probe disables these modules. Empty if each token is
        computed only from its own pixels.
    causal
        Whether the state of a text token depends only on the tokens before it. If not, the cache
        of one turn cannot be reused in the next.
    batches
        Whether a batch of prompts, padded on the left, gives the same states as each prompt alone.
    convolutional
        Whether the vision tower is convolutional, so that a vision token also sees the surroundings
        of its cell, with an influence that falls with distance. The layout probe uses it.
    tower_added, tower_factors
        Names of parameters of the family's own that modules between the pixels and the language
        model add to states or put between them, and that they multiply states with. Relevance at
        the pixels uses them.
    cross_attention
        Whether the language model reads pictures only through cross-attention, so that no position
        of the sequence belongs to a part of a picture. The layout's positions are then indices of
        the keys.
    reads_clips
        Whether clips are supported. If not, they are refused before the processor runs.
    clips_since
        The first release of transformers with which clips work, if the oldest supported one fails.
    reply_token_type
        The token type of a reply's tokens, if the inputs have token types.
    boxes
        How the family answers with coordinates; None if it is not known to.
    """

    family: str
    notes: tuple[str, ...] = ()
    chat_template: str | None = None
    resize_radius: int = 2
    reply_token_type: int = 0
    boxes: BoxStyle | None = None
    mixers: tuple[str, ...] = ("attention",)
    causal: bool = True
    batches: bool = True
    convolutional: bool = False
    tower_added: tuple[str, ...] = ()
    tower_factors: tuple[str, ...] = ()
    cross_attention: bool = False
    reads_clips: bool = True
    clips_since: str = ""

    @abstractmethod
    def vision_layout(self, encoded: Encoded) -> VisionLayout:
        """Place every vision token of an encoded prompt.

        Every position whose embedding comes from a picture must be a cell of one grid or a
        separator.

        Raises
        ------
        ModelError
            If the adapter does not support the checkpoint.
        """

    def check(self, config: Any) -> None:
        """Refuse a configuration that this adapter does not support, before weights are loaded.

        Raises
        ------
        ModelError
            If the configuration is refused. The message says why, and what to use instead.
        """
        del config

    def check_media(self, media: Iterable[Media]) -> None:
        """Refuse clips if the family does not read them.

        Raises
        ------
        ModelError
            If there is a clip. The message names it.
        """
        for item in media:
            if item.kind == "video" and not self.takes_clips:
                needed = f" before transformers {self.clips_since}" if self.clips_since else ""
                raise ModelError(
                    f"{self.family} takes no clips{needed}",
                    where=item.name,
                    remedy="give single pictures",
                )

    @property
    def takes_clips(self) -> bool:
        """Whether clips are supported with the installed transformers."""
        return self.reads_clips and not is_older(self.clips_since)

    def explained(self, config: Any) -> Any:
        """Return the configuration of the part that reads pictures and writes text.

        This is the whole configuration, except for a model that also speaks: only its text part is
        loaded.
        """
        return config

    def call_processor(self, processor: Processor, options: Mapping[str, Any]) -> Any:
        """Encode a rendered prompt.

        Parameters
        ----------
        processor
            The model's processor.
        options
            Its arguments: the prompt, the decoded media, and the requested outputs.

        Returns
        -------
        The processor's outputs, with ``offset_mapping`` and, if placeholders were expanded,
        ``text_replacement_offsets``.
        """
        return processor(**options)

    def decoder(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the module whose first output is the last hidden state, normalised, [B, L, D]."""
        decoder: nn.Module = model.get_decoder()
        return decoder

    def new_cache(self, model: "PreTrainedModel") -> "Cache | None":
        """Return an empty cache, for a model that does not create one in its first forward pass."""
        del model
        return None

    def cell_pixels(self, config: Any, processor: Processor) -> tuple[int, int] | None:
        """Return the height and width of a vision token in pixels of the model's input.

        The layout probe uses it. None means patch size times merge size, as in the vision
        configuration.
        """
        del config, processor
        return None

    def reply_inputs(
        self, inputs: Mapping[str, "torch.Tensor"], count: int
    ) -> dict[str, "torch.Tensor"]:
        """Return the inputs, besides ids and cache, that the model needs to read a given reply.

        Parameters
        ----------
        inputs
            The inputs of the prompt.
        count
            How many tokens of the reply are read so far, those of the present pass included.
        """
        del inputs, count
        return {}

    def cross_attentions(self, model: "PreTrainedModel") -> Sequence["nn.Module"]:
        """Return the modules that read pictures by cross-attention, in order.

        Each returns its output and, with eager attention, its weights [B, H, L, S].
        """
        del model
        return ()

    def embedding_consumer(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the module that reads text and vision embeddings as one sequence.

        The layout probe looks at its input; see :meth:`input_embeddings`.
        """
        return self.decoder(model)

    def input_embeddings(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "torch.Tensor":
        """Return the input embeddings [B, P, D] of that module, from its arguments."""
        del args
        embeddings: torch.Tensor = kwargs["inputs_embeds"]
        return embeddings

    def lm_head(self, model: "PreTrainedModel") -> "nn.Module":
        """Return the LM head, which maps last hidden states to the vocabulary."""
        head: nn.Module = model.get_output_embeddings()
        return head

    def finished_logits(self, config: Any, scores: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that the model's forward pass computes from the output of its head.

        Families divide by ``logits_scaling``, or cap at ``final_logit_softcapping``. The order of
        a position's scores stays the same.

        Parameters
        ----------
        config
            The model's configuration.
        scores
            [..., V]: the raw output of the head.
        """
        import torch

        text = config.get_text_config()
        scaled = scores / getattr(text, "logits_scaling", 1)
        cap = getattr(text, "final_logit_softcapping", None)
        return scaled if cap is None else cap * torch.tanh(scaled / cap)
