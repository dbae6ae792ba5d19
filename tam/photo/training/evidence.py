"""A cell's evidence for a noun, from the tower's classifier and from learned directions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tam.photo.training.pool import Pool
from tam.photo.vocabulary import names

_SHRINKAGE = 0.1
"""Shrinkage of the inverted covariance, relative to the mean variance: a noun has few pictures."""
_SHARE = 0.25
"""Share of a picture's cells that are assumed to show its object, after a first estimate."""


@dataclass(frozen=True)
class Evidence:
    """Directions in the tower's features, one for each noun.

    Parameters
    ----------
    nouns
        The nouns, beginning with those of the tower's classifier.
    weights, bias
        float32 [K, W] and [K]: a cell's evidence is ``weights @ features + bias``, with mean 0 and
        standard deviation 1 over ordinary cells.
    """

    nouns: tuple[str, ...]
    weights: torch.Tensor
    bias: torch.Tensor

    def of(self, features: torch.Tensor) -> torch.Tensor:
        """Return the evidence float32 [..., K] of features [..., W]."""
        return features @ self.weights.T + self.bias


def evidence_for(
    pool: Pool, classifier: torch.Tensor, cells: torch.Tensor, others: Sequence[str]
) -> Evidence:
    """Take the directions of the classifier's nouns, and learn those of other nouns.

    A linear discriminant is fitted twice: to all cells of the pictures that show the noun, and then
    to the quarter of each picture's cells for which the first fit gives the most evidence.

    Parameters
    ----------
    pool
        Pictures and their nouns.
    classifier
        float32 [C, W]: weights of the tower's classifier.
    cells
        float32 [M, W]: ordinary cells, by which the evidence is standardized.
    others
        Nouns of the pool that the classifier does not have.
    """
    units = [name for name in names() if name.has_unit]
    centred = classifier - classifier.mean(0)
    weights = torch.stack([centred[list(unit.classes)].mean(0) for unit in units])
    mean = cells.mean(0)
    spread = torch.cov(cells.T)
    ridge = _SHRINKAGE * spread.diagonal().mean() * torch.eye(len(spread), device=spread.device)
    precision = torch.linalg.inv(spread + ridge)
    learned = [_discriminant(pool, noun, mean, precision) for noun in others]
    weights = torch.stack([*weights, *learned])
    raw = cells @ weights.T
    centre, deviation = raw.mean(0), raw.std(0)
    nouns = (*(unit.noun for unit in units), *others)
    return Evidence(nouns, weights / deviation[:, None], -centre / deviation)


def _discriminant(
    pool: Pool, noun: str, mean: torch.Tensor, precision: torch.Tensor
) -> torch.Tensor:
    showing = [index for index, nouns in enumerate(pool.nouns) if noun in nouns]
    pictures = pool.features[showing].float()
    direction = precision @ (pictures.mean((0, 1)) - mean)
    count = round(_SHARE * pictures.shape[1])
    best = strongest(pictures, pictures @ direction, count)
    return precision @ (best.mean(0) - mean)


def strongest(pictures: torch.Tensor, scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return the cells [B · count, W] of pictures [B, N, W] with the highest scores [B, N]."""
    chosen = scores.topk(count, dim=1).indices
    return torch.cat([cells[index] for cells, index in zip(pictures, chosen, strict=True)])
