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


def evidence_for(pool: Pool, classifier: torch.Tensor, cells: torch.Tensor) -> Evidence:
    """Take the directions of the classifier's nouns, and learn those of the pool's other nouns.

    A linear discriminant is fitted twice: to all cells of the pictures that show the noun, and then
    to the quarter of each picture's cells for which the first fit gives the most evidence.

    Parameters
    ----------
    pool
        Pictures and their nouns.
    classifier
        float32 [1000, W]: weights of the tower's classifier.
    cells
        float32 [M, W]: ordinary cells, by which the evidence is standardized.
    """
    units = [name for name in names() if name.has_unit]
    centred = classifier - classifier.mean(0)
    known = torch.stack([centred[list(unit.classes)].mean(0) for unit in units])
    named = {unit.noun for unit in units}
    others = tuple(dict.fromkeys(n for nouns in pool.nouns for n in nouns if n not in named))
    mean = cells.mean(0)
    spread = torch.cov(cells.T)
    ridge = _SHRINKAGE * spread.diagonal().mean() * torch.eye(len(spread))
    precision = torch.linalg.inv(spread + ridge)
    learned = [_discriminant(pool, noun, mean, precision) for noun in others]
    weights = torch.cat([known, torch.stack(learned)]) if learned else known
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
    best = _strongest(pictures, direction)
    return precision @ (best.mean(0) - mean)


def _strongest(pictures: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    count = round(_SHARE * pictures.shape[1])
    chosen = (pictures @ direction).topk(count, dim=1).indices
    return torch.cat([cells[index] for cells, index in zip(pictures, chosen, strict=True)])


def shown_nouns(
    evidence: torch.Tensor, nouns: Sequence[int], lit: float, share: float
) -> torch.Tensor:
    """Return the noun that each cell shows, as a column of the evidence, or -1 for none.

    Parameters
    ----------
    evidence
        float32 [N, K]: evidence of the picture's cells.
    nouns
        The picture's nouns, as columns of the evidence.
    lit
        The least evidence of a cell that shows a noun.
    share
        Its least evidence relative to the picture's strongest cell for the same noun.
    """
    if not nouns:
        return torch.full((len(evidence),), -1)
    own = evidence[:, list(nouns)]
    strong = (own > lit) & (own > share * own.amax(0))
    relative = torch.where(strong, own / own.amax(0).clamp_min(1e-6), -torch.inf)
    best = relative.argmax(1)
    return torch.where(strong.any(1), torch.tensor(list(nouns))[best], -1)
