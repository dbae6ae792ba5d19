"""The initial projector, which maps evidence for a noun to the noun's embedding.

The first layer is initialized with the evidence of a cell for each noun, one unit per noun, which
for most nouns is the tower's own classifier. The second layer is the least-squares map from these
units to the vision tokens that the teacher wants. So the initial weights already contain what the
tower and the language model know; training only has to connect them.
"""

import torch
from torch import nn

from tam.photo.training.evidence import Evidence, strongest
from tam.photo.training.pool import Pool
from tam.photo.training.teacher import Teacher
from tam.text.tokenizer import Tokenizer

QUIET = 3.5
"""The evidence, in standard deviations, above which a unit is active."""

NEUTRAL = "\n"
"""The token that cells which show nothing should resemble: SmolLM2 ignores line breaks."""

_RIDGE = 1e-3
_SHARE = 0.1
"""Share of a picture's cells that are assumed to show a noun that the classifier does not have."""
_LEARNED = 0.25
"""Weight of those cells among all cells that the second layer is fitted to."""


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
    shares = torch.tensor([0.5**index for index in range(len(ids))], device=embeddings.device)
    return (shares / shares.sum()) @ embeddings[ids]


def neutral_embedding(tokenizer: Tokenizer, embeddings: torch.Tensor) -> torch.Tensor:
    """Return the embedding [D] of the neutral token."""
    [token] = tokenizer(NEUTRAL, add_special_tokens=False).input_ids
    return embeddings[token]


@torch.no_grad()
def first_projector(
    evidence: Evidence, pool: Pool, teacher: Teacher, cells: torch.Tensor, hidden: int, seed: int
) -> Projector:
    """Compute the initial projector from evidence and embeddings.

    Parameters
    ----------
    evidence
        The evidence for at most ``hidden`` nouns.
    pool
        Pictures, for the nouns that the teacher's classifier does not have.
    teacher
        The tower's classifier.
    cells
        float32 [M, W]: cells that the second layer is fitted to, real ones and samples.
    hidden
        The number of units.
    seed
        Seed of the units without a noun.
    """
    projector = Projector(evidence.weights.shape[1], hidden).to(cells.device)
    first, second = projector.linear_1, projector.linear_2
    count = min(len(evidence.nouns), hidden)
    generator = torch.Generator().manual_seed(seed)
    random = torch.randn(first.weight[count:].shape, generator=generator).to(cells.device)
    first.weight[:count] = evidence.weights[:count]
    first.bias[:count] = evidence.bias[:count] - QUIET
    first.weight[count:] = random * evidence.weights.std()
    first.bias[count:] = -1.0
    learned, tokens = _learned(evidence, pool, teacher)
    weight = (_LEARNED * len(cells) / max(len(learned), 1)) ** 0.5
    lit = _with_one(nn.functional.gelu(first(torch.cat([cells, learned]))))
    wanted = torch.cat([teacher.tokens(cells), tokens]) - teacher.words.neutral
    weights = torch.ones(len(lit), 1, device=cells.device)
    weights[len(cells) :] = weight
    lit, wanted = lit * weights, wanted * weights
    ridge = _RIDGE * len(lit) * torch.eye(lit.shape[1], device=cells.device)
    solved = torch.linalg.solve(lit.T @ lit + ridge, lit.T @ wanted)
    second.weight.copy_(solved[:-1].T)
    second.bias.copy_(solved[-1] + teacher.words.neutral)
    return projector


def _with_one(lit: torch.Tensor) -> torch.Tensor:
    return torch.cat([lit, torch.ones(len(lit), 1, device=lit.device)], 1)


def _learned(evidence: Evidence, pool: Pool, teacher: Teacher) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cells [M, W] that show nouns without a class, and the nouns' embeddings [M, D]."""
    taught = set(teacher.column.tolist())
    place = {noun: index for index, noun in enumerate(teacher.words.nouns)}
    device = pool.features.device
    cells, tokens = [torch.zeros(0, pool.features.shape[2], device=device)], []
    for unit, noun in enumerate(evidence.nouns):
        if place[noun] in taught:
            continue
        showing = [index for index, nouns in enumerate(pool.nouns) if noun in nouns]
        pictures = pool.features[showing].float()
        scores = evidence.of(pictures)[..., unit]
        best = strongest(pictures, scores, max(round(_SHARE * pictures.shape[1]), 1))
        cells.append(best)
        tokens.append(teacher.words.vectors[place[noun]].expand(len(best), -1))
    empty = teacher.words.vectors[:0]
    return torch.cat(cells), torch.cat([empty, *tokens])
