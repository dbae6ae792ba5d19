"""The projector that training begins with: the tower's classifier, joined to the words' embeddings.

The tower's classifier says of each cell how much it speaks for each class. The projector's first
layer begins as that classifier, one unit for each everyday name, and its second layer adds to a
token the embedding of the name whose unit is lit. So the first weights already carry what the
tower and the language model know; training has to bring them together.
"""

from typing import Any

import torch
from torch import nn

from tam.photo.vocabulary import names

QUIET = 4.0
"""Standard deviations of its evidence that a unit needs to be lit."""

STRENGTH = 0.15
"""What a lit unit adds for each deviation beyond that, as a share of the way from the neutral token
to its name's."""

NEUTRAL = "\n"
"""A token that shows nothing is like this one."""


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


def name_embedding(noun: str, tokenizer: Any, embeddings: torch.Tensor) -> torch.Tensor:
    """[D]: embedding of a noun, as it is written after another word.

    Of several tokens the first counts the most: it is what a reply has to say first.
    """
    ids = tokenizer(f" {noun}", add_special_tokens=False).input_ids
    shares = torch.tensor([0.5**index for index in range(len(ids))])
    return (shares / shares.sum()) @ embeddings[ids]


def neutral_embedding(tokenizer: Any, embeddings: torch.Tensor) -> torch.Tensor:
    """[D]: embedding of the neutral token."""
    [token] = tokenizer(NEUTRAL, add_special_tokens=False).input_ids
    return embeddings[token]


@torch.no_grad()
def first_projector(
    classifier: torch.Tensor,
    cells: torch.Tensor,
    tokenizer: Any,
    embeddings: torch.Tensor,
    seed: int,
) -> Projector:
    """Join classifier and embeddings.

    Parameters
    ----------
    classifier
        float32 [1000, W]: weights of the tower's classifier.
    cells
        float32 [M, W]: features of many cells, by which the evidence is standardised.
    tokenizer, embeddings
        The language model's; embeddings are float32 [V, D].
    seed
        Of the units that stand for no name.
    """
    torch.manual_seed(seed)
    hidden = embeddings.shape[1]
    projector = Projector(classifier.shape[1], hidden)
    units = [name for name in names() if name.has_unit]
    centred = classifier - classifier.mean(0)
    weights = torch.stack([centred[list(unit.classes)].mean(0) for unit in units])
    evidence = cells @ weights.T
    mean, deviation = evidence.mean(0), evidence.std(0)
    first, second = projector.linear_1, projector.linear_2
    count = len(units)
    first.weight[:count] = weights / deviation[:, None]
    first.bias[:count] = -mean / deviation - QUIET
    typical = cells.std(0).mean() * cells.shape[1] ** 0.5
    first.weight[count:].normal_(0, 1).div_(typical)
    first.bias[count:] = -(cells @ first.weight[count:].T).mean(0) - 1
    neutral = neutral_embedding(tokenizer, embeddings)
    vectors = torch.stack(
        [name_embedding(unit.noun, tokenizer, embeddings) - neutral for unit in units]
    )
    second.weight[:, :count] = STRENGTH * vectors.T
    second.weight[:, count:].normal_(0, 0.01)
    second.bias.copy_(neutral)
    return projector
