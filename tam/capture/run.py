"""A request for a run of the model, and the recorded run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


@dataclass(frozen=True, eq=False, repr=False)
class Request:
    """One encoded conversation for the model to reply to, or to read with a given reply.

    Parameters
    ----------
    inputs
        The processor's outputs for it, each [1, …].
    wanted
        int64: positions of the prompt whose states are kept, in addition to every position that
        predicts a token of the reply.
    """

    inputs: Mapping[str, torch.Tensor]
    wanted: NDArray[np.int64]

    @property
    def length(self) -> int:
        """The number of tokens of the prompt."""
        return int(self.inputs["input_ids"].shape[1])

    def __repr__(self) -> str:
        return f"<Request of {self.length} tokens, {len(self.wanted)} states wanted>"


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One run of the model: the reply, the kept states and the probabilities.

    Parameters
    ----------
    ids
        int64 [n]: the reply's token ids, special tokens included.
    positions
        int64 [S], ascending: the sequence positions whose states were kept.
    states
        [S, D] in the model's dtype.
    probabilities
        float32 [n]: softmax of the raw logits at each token of the reply.
    sampled_probabilities
        float32 [n]: the same under the distribution that was sampled from, or None.
    candidate_ids, candidate_probabilities
        int64 and float32 [n, C]: the most probable tokens, most probable first.
    prefix_cache
        The cache from which the next turn continues without repeating this run, or None.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    states: torch.Tensor
    probabilities: NDArray[np.float32]
    sampled_probabilities: NDArray[np.float32] | None
    candidate_ids: NDArray[np.int64]
    candidate_probabilities: NDArray[np.float32]
    prefix_cache: "PrefixCache | None" = None

    def at(self, positions: NDArray[np.int64]) -> torch.Tensor:
        """Return the states [len(positions), D] at some of the kept positions."""
        index = torch.from_numpy(np.searchsorted(self.positions, positions))
        return self.states[index.to(self.states.device)]

    def __repr__(self) -> str:
        return f"<Run: {len(self.ids)} tokens written, {len(self.positions)} states kept>"


@dataclass(frozen=True, eq=False, repr=False)
class PrefixCache:
    """Keys and values that a model computed for the beginning of a conversation.

    A prefix cache can be used for one run only, because the model extends it in place.

    Parameters
    ----------
    ids
        int64 [L]: ids of the tokens that the cache holds.
    cache
        Keys and values of those tokens in every layer.
    offset
        Offset of the model's text positions from the token count (``rope_deltas``), or None.
    positions, states
        As in :class:`Run`.
    """

    ids: NDArray[np.int64]
    cache: DynamicCache
    offset: torch.Tensor | None
    positions: NDArray[np.int64]
    states: torch.Tensor

    def shared_with(self, request: Request, last_media: int) -> "PrefixCache | None":
        """Crop the cache to the tokens that it shares with the start of a longer conversation.

        The chat template may render a reply differently from how the model wrote it, so the last
        tokens can differ. The cache is cropped there, if its layers support cropping.

        Parameters
        ----------
        request
            The longer conversation.
        last_media
            The last position of a picture or clip, which must be in the shared part.

        Returns
        -------
        PrefixCache or None
            The cropped cache, or None if the shared part is too short.
        """
        prompt = request.inputs["input_ids"][0].cpu().numpy()
        shorter = min(len(prompt) - 1, len(self.ids))
        differs = np.flatnonzero(prompt[:shorter] != self.ids[:shorter])
        length = int(differs[0]) if len(differs) else shorter
        needed = request.wanted[request.wanted < length]
        if length <= last_media or not np.isin(needed, self.positions).all():
            return None
        if length < len(self.ids):
            if any(type(layer) is not DynamicLayer for layer in self.cache.layers):
                return None
            self.cache.crop(length - len(self.ids))
        return replace(self, ids=self.ids[:length])

    def __repr__(self) -> str:
        return f"<PrefixCache of {len(self.ids)} tokens>"
