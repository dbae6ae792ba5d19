"""Phases of training: the parts of the model that each one trains, and its loss.

- ``whole``: everything at once, by answers and readability (`small`, `small-masks`).
- ``language``: the language model with its embeddings and head, on text alone. The pictures are
  spelled, one word for each cell; nothing is drawn for it.
- ``tower``: the vision tower, on pictures of one object, by whether its mean output tells the
  object's color and shape.
- ``alignment``: the vision tower by the answers alone, through the frozen language model, from the
  weights of the two before (`small-aligned`). That is how large models are first aligned, and no
  loss of this phase asks that a vision position be readable.
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
"""Weight of the loss of the spelled cells beside that of the answers."""


def is_trained(phase: str, name: str) -> bool:
    """Whether a phase trains the parameter of a name."""
    sees = name.startswith("model.visual.")
    return phase == "whole" or sees == (phase in ("tower", "alignment"))


def losses(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
) -> tuple[Tensor, Tensor]:
    """The two losses of a batch, each already with its weight in their sum.

    The answers and the readability (0 without); of the phase ``language`` the answers and the
    spelled cells; of ``tower`` the colors and the shapes; of ``alignment`` the answers and 0.
    """
    with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=settings.bfloat16):
        if settings.phase == "language":
            return _language_losses(model, encoder, batch)
        handed = vision_features(model, _tensor(model, batch.pixels), batch.grid)
        if settings.phase == "tower":
            return _tower_losses(handed, batch)
        handed = handed.reshape(len(batch.ids), len(batch.vision), -1)
        states, said = _answers(model, encoder, batch, handed)
        if settings.phase == "alignment" or settings.readability == "none":
            return said, said.new_zeros(())
        # The shorter way is the one that the tower's layers learn from first.
        seen = (states[:, batch.vision], model.model.language_model.norm(handed))
        final, early = (_readability(model, encoder, batch, settings, part) for part in seen)
        return said, settings.weight * (final + 0.5 * early)


def _tensor(model: "Qwen2VLForConditionalGeneration", values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values).to(model.device)


def _answers(
    model: "Qwen2VLForConditionalGeneration", encoder: Encoder, batch: Batch, handed: Tensor
) -> tuple[Tensor, Tensor]:
    """Final states [B, L, D] of a batch whose vision positions hold ``handed``, and their loss."""
    layout = (batch.ids, batch.positions, batch.segments, batch.vision)
    states = hidden_states(model, handed, *(_tensor(model, values) for values in layout))
    decisive = torch.tensor(encoder.decisive, device=model.device)
    return states, answer_loss(model.lm_head, states, _tensor(model, batch.labels), decisive)


def _language_losses(
    model: "Qwen2VLForConditionalGeneration", encoder: Encoder, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Answers about the spelled pictures, and each cell's word told from those before it."""
    if batch.spelled is None:
        raise ValueError("text needs a batch made with masks=True")
    spelled = _tensor(model, batch.spelled)
    states, said = _answers(model, encoder, batch, model.model.language_model.embed_tokens(spelled))
    before = model.lm_head(states[:, batch.vision[:-1]]).float()
    cells = F.cross_entropy(before.flatten(0, 1), spelled[:, 1:].flatten())
    return said, NEXT_CELL * cells


def _tower_losses(handed: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy of color and of shape, read off the first channels of a picture's mean.

    The channels' meaning is for this phase alone; alignment gives them another. Pictures without
    an object say nothing.
    """
    pairs = torch.from_numpy(batch.true_pairs[:, 0]).to(handed.device)
    shown = pairs.any(dim=(1, 2))
    means = handed.float().mean(dim=1)[shown]
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
    """The readability loss of vision states [B, G*N, D], by the supervision that the run uses."""
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
