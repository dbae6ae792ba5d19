"""The initial projector, which maps evidence for a noun to the noun's embedding.

The first layer is initialized with the evidence of a cell for each noun, one unit per noun, which
for most nouns is the tower's own classifier. The second layer is the least-squares map from these
units to the embeddings of the nouns that cells show. So the initial weights already contain what
the tower and the language model know; training only has to connect them.
"""

import torch
from torch import nn

from tam.photo.training.evidence import Evidence, shown_nouns
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.vocabulary import names
from tam.text.tokenizer import Tokenizer

QUIET = 3.5
"""The evidence, in standard deviations, above which a unit is active."""

NEUTRAL = "\n"
"""The token that cells which show nothing should resemble: SmolLM2 ignores line breaks."""

_SHARE = 0.45
"""A cell also shows a noun if its evidence is at least this share of the strongest cell's."""
_RIDGE = 1e-3
_PICTURES, _SAMPLES = 2000, 12
"""Pictures, and samples per noun, that the second layer is fitted to."""


class Projector(nn.Module):
    """The two-layer projector of transformers' FastVLM class, with the same parameter names."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features [..., width] to float32 [..., hidden]."""
        projected: torch.Tensor = self.linear_2(nn.functional.gelu(self.linear_1(features)))
        return projected


def name_embedding(noun: str, tokenizer: Tokenizer, embeddings: torch.Tensor) -> torch.Tensor:
    """Return the embedding [D] of a noun as it is written after another word.

    If it has several tokens, the first has the highest weight, because a reply begins with it.
    """
    ids = tokenizer(f" {noun}", add_special_tokens=False).input_ids
    shares = torch.tensor([0.5**index for index in range(len(ids))])
    return (shares / shares.sum()) @ embeddings[ids]


def neutral_embedding(tokenizer: Tokenizer, embeddings: torch.Tensor) -> torch.Tensor:
    """Return the embedding [D] of the neutral token."""
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
    """Compute the initial projector from evidence and embeddings.

    Parameters
    ----------
    evidence
        The evidence, for at most as many nouns as the projector has units.
    pool, sampler
        Pictures, and a source of samples for nouns without pictures.
    tokenizer, embeddings
        The language model's tokenizer and embeddings, float32 [V, D].
    seed
        Seed for choosing pictures and samples, and for the units without a noun.
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
    """Return cells [M, W] and the column of the noun that each shows, -1 for none."""
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
