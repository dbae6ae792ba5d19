"""The projector that training begins with: evidence for a noun, joined to the noun's embedding.

The projector's first layer begins as the evidence of a cell for each noun, one unit for a noun: for
most of them the tower's own classifier. Its second layer is the least-squares map from the units to
the embeddings of the nouns that cells show. So the first weights already carry what the tower and
the language model know; training has to bring them together.
"""

import torch
from torch import nn

from tam.photo.training.evidence import Evidence, shown_nouns
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.vocabulary import names
from tam.text.tokenizer import Tokenizer

QUIET = 3.5
"""Standard deviations of its evidence that a unit needs to be lit."""

NEUTRAL = "\n"
"""A token that shows nothing is like this one: SmolLM2 passes over line breaks."""

_SHARE = 0.45
"""Share of the evidence of a picture's strongest cell that makes another cell show a noun too."""
_RIDGE = 1e-3
_PICTURES, _SAMPLES = 2000, 12
"""Pictures, and samples of each noun, that the second layer is fitted to."""


class Projector(nn.Module):
    """The two-layer projector of transformers' FastVLM class, under the same names."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """float32 [..., hidden] of features [..., width]."""
        projected: torch.Tensor = self.linear_2(nn.functional.gelu(self.linear_1(features)))
        return projected


def name_embedding(noun: str, tokenizer: Tokenizer, embeddings: torch.Tensor) -> torch.Tensor:
    """[D]: embedding of a noun, as it is written after another word.

    If there are several tokens, the first counts the most, because a reply has to say it first.
    """
    ids = tokenizer(f" {noun}", add_special_tokens=False).input_ids
    shares = torch.tensor([0.5**index for index in range(len(ids))])
    return (shares / shares.sum()) @ embeddings[ids]


def neutral_embedding(tokenizer: Tokenizer, embeddings: torch.Tensor) -> torch.Tensor:
    """[D]: embedding of the neutral token."""
    [token] = tokenizer(NEUTRAL, add_special_tokens=False).input_ids
    return embeddings[token]


@torch.no_grad()
def first_projector(
    evidence: Evidence,
    pool: Pool,
    sampler: Sampler,
    tokenizer: Tokenizer,
    embeddings: torch.Tensor,
    seed: int,
) -> Projector:
    """Join evidence and embeddings.

    Parameters
    ----------
    evidence
        For at most as many nouns as the projector has units.
    pool, sampler
        Pictures, and samples of nouns of which there are none.
    tokenizer, embeddings
        The language model's; embeddings are float32 [V, D].
    seed
        Seed of the pictures and samples, and of the units that stand for no noun.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    projector = Projector(evidence.weights.shape[1], embeddings.shape[1])
    first, second = projector.linear_1, projector.linear_2
    count = len(evidence.nouns)
    first.weight[:count] = evidence.weights
    first.bias[:count] = evidence.bias - QUIET
    first.weight[count:] = torch.randn(first.weight[count:].shape) * evidence.weights.std()
    first.bias[count:] = -1.0
    neutral = neutral_embedding(tokenizer, embeddings)
    vectors = torch.stack([name_embedding(n, tokenizer, embeddings) for n in evidence.nouns])
    targets = torch.cat([vectors, neutral[None]])
    cells, shown = _cells(evidence, pool, sampler, generator)
    lit = nn.functional.gelu(first(cells))
    lit = torch.cat([lit, torch.ones(len(lit), 1)], 1)
    ridge = _RIDGE * len(lit) * torch.eye(lit.shape[1])
    solved = torch.linalg.solve(lit.T @ lit + ridge, lit.T @ (targets[shown] - neutral))
    second.weight.copy_(solved[:-1].T)
    second.bias.copy_(solved[-1] + neutral)
    return projector


def _cells(
    evidence: Evidence, pool: Pool, sampler: Sampler, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells [M, W] and the column of the noun that each shows, -1 for none."""
    column = {noun: index for index, noun in enumerate(evidence.nouns)}
    cells, shown = [], []
    for index in torch.randperm(len(pool.nouns), generator=generator)[:_PICTURES].tolist():
        features = pool.features[index].float()
        nouns = [column[noun] for noun in pool.nouns[index]]
        showing = shown_nouns(evidence.of(features), nouns, QUIET, _SHARE)
        kept = torch.randperm(len(features), generator=generator)[:25]
        cells.append(features[kept])
        shown.append(showing[kept])
    for name in names():
        if name.has_unit:
            for _ in range(_SAMPLES // 3):
                drawn = int(torch.randint(len(name.classes), (1,), generator=generator))
                cells.append(sampler.draw(name.classes[drawn], 3, generator))
                shown.append(torch.full((3,), column[name.noun]))
    return torch.cat(cells), torch.cat(shown)
