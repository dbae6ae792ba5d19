"""The phases of training: the parameters that each one trains, and its loss.

- ``whole``: everything at once, by the losses of answers and readability (`small`, `small-masks`).
- ``language``: the language model with its embeddings and head, on text only. Pictures are replaced
  by text, one word for each cell; nothing is drawn.
- ``tower``: the vision tower, on pictures of one object, by classifying the object's color and
  shape from its mean output.
- ``alignment``: the vision tower, only by the answers of the frozen language model, beginning with
  the weights of the two phases before (`small-aligned`). Large models are first aligned in this
  way, and no loss of this phase requires a vision position to be readable.
"""

from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tam.scenes.batch import UNMASKED, Batch, Encoder
from tam.scenes.training.curriculum import Settings
from tam.scenes.training.losses import (
    answer_loss,
    hidden_states,
    mask_readability,
    vision_features,
    weak_readability,
)
from tam.scenes.world import COLORS

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

NEXT_CELL = 0.5
"""Weight of the loss of the pictures' text relative to that of the answers."""


def is_trained(phase: str, name: str) -> bool:
    """Whether a phase trains the parameter with a name."""
    sees = name.startswith("model.visual.")
    return phase == "whole" or sees == (phase in ("tower", "alignment"))


def losses(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
) -> tuple[Tensor, Tensor]:
    """Return the two losses of a batch, already multiplied by their weights in the sum.

    In the phase ``whole`` these are answers and readability (0 without it), in ``language`` answers
    and the pictures' text, in ``tower`` colors and shapes, in ``alignment`` answers and 0.
    """
    with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=settings.bfloat16):
        if settings.phase == "language":
            return _language_losses(model, encoder, batch)
        features = vision_features(model, _tensor(model, batch.pixels), batch.grid)
        if settings.phase == "tower":
            return _tower_losses(features, batch)
        features = features.reshape(len(batch.ids), len(batch.vision), -1)
        states, answers = _answers(model, encoder, batch, features)
        if settings.phase == "alignment" or settings.readability == "none":
            return answers, answers.new_zeros(())
        # Reading the tower's own output, too, gives its layers a shorter gradient path.
        seen = (states[:, batch.vision], model.model.language_model.norm(features))
        final, early = (_readability(model, encoder, batch, settings, part) for part in seen)
        return answers, settings.weight * (final + 0.5 * early)


def _tensor(model: "Qwen2VLForConditionalGeneration", values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values).to(model.device)


def _answers(
    model: "Qwen2VLForConditionalGeneration", encoder: Encoder, batch: Batch, features: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the final states [B, L, D] with the vision features, and the loss of the answers."""
    layout = (batch.ids, batch.positions, batch.segments, batch.vision)
    states = hidden_states(model, features, *(_tensor(model, values) for values in layout))
    decisive = torch.tensor(encoder.decisive, device=model.device)
    return states, answer_loss(model.lm_head, states, _tensor(model, batch.labels), decisive)


def _language_losses(
    model: "Qwen2VLForConditionalGeneration", encoder: Encoder, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Return the losses of answers about pictures as text, and of predicting that text itself."""
    if batch.cell_tokens is None:
        raise ValueError("pictures as text need a batch made with masks=True")
    tokens = _tensor(model, batch.cell_tokens)
    embedded = model.model.language_model.embed_tokens(tokens)
    states, answers = _answers(model, encoder, batch, embedded)
    before = model.lm_head(states[:, batch.vision[:-1]]).float()
    cells = F.cross_entropy(before.flatten(0, 1), tokens[:, 1:].flatten())
    return answers, NEXT_CELL * cells


def _tower_losses(features: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the cross-entropies of color and shape, with a picture's mean features as logits.

    The first channels have this meaning only in this phase; alignment gives them another. Pictures
    without an object are left out.
    """
    pairs = torch.from_numpy(batch.true_pairs[:, 0]).to(features.device)
    shown = pairs.any(dim=(1, 2))
    means = features.float().mean(dim=1)[shown]
    colors, shapes = (pairs[shown].any(dim=other).int().argmax(-1) for other in (2, 1))
    first, after = len(COLORS), len(COLORS) + pairs.shape[2]
    return F.cross_entropy(means[:, :first], colors), F.cross_entropy(means[:, first:after], shapes)


def _readability(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
    vision: Tensor,
) -> Tensor:
    """Return the readability loss of vision states [B, G*N, D] for the run's supervision."""
    device = vision.device
    tokens = torch.tensor(encoder.word_tokens, device=device)
    if settings.readability == "weak":
        kinds = torch.tensor(encoder.word_kinds, device=device)
        true_words = torch.from_numpy(batch.true_words).to(device).flatten(0, 1)
        grids = vision.reshape(len(true_words), -1, vision.shape[-1])
        true_pairs = torch.from_numpy(batch.true_pairs).to(device).flatten(0, 1)
        return weak_readability(model.lm_head, grids, tokens, kinds, true_words, true_pairs)
    if batch.cell_words is None:
        raise ValueError("mask supervision needs a batch made with masks=True")
    cell_words = torch.from_numpy(batch.cell_words).to(device)
    supervised = torch.tensor([word not in UNMASKED for word in encoder.token_words], device=device)
    return mask_readability(
        model.lm_head, vision, tokens, supervised, cell_words, encoder.background
    )
