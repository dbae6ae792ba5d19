"""The teacher of the projector: the tower's own classifier, applied to each cell.

The classifier was trained on the mean of a picture's cells, but it also tells what a single cell
shows. So every cell of every picture has a known vision token: the embedding of the noun that the
classifier gives the cell, or the neutral embedding where it gives none with confidence.
"""

from dataclasses import dataclass

import torch

from tam.photo.vocabulary import Name

_CONFIDENT = 0.15
"""The least probability of a noun that a cell shows."""


@dataclass(frozen=True)
class Words:
    """The nouns that a cell can carry, and their embeddings.

    Parameters
    ----------
    nouns
        The nouns, in the order of ``vectors``.
    vectors
        float32 [K, D]: their embeddings.
    neutral
        float32 [D]: the token of a cell that shows nothing.
    """

    nouns: tuple[str, ...]
    vectors: torch.Tensor
    neutral: torch.Tensor


@dataclass(frozen=True)
class Teacher:
    """The tower's classifier, whose classes are merged into everyday nouns.

    Parameters
    ----------
    weight, bias
        float32 [C, W] and [C]: the classifier.
    column
        int64 [C]: the index of each class's noun among the words; classes without a noun have the
        index of the first column after the nouns.
    words
        The words.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    column: torch.Tensor
    words: Words

    def probabilities(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the probability float32 [M, K] of each noun for cells [M, W]."""
        classes = (cells @ self.weight.T + self.bias).softmax(-1)
        merged = classes.new_zeros(len(cells), len(self.words.nouns) + 1)
        return merged.index_add_(1, self.column, classes)[:, :-1]

    def tokens(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the vision token float32 [M, D] that each of the cells [M, W] should become.

        It is the mean of the embeddings of the confident nouns, weighted by their probabilities;
        the neutral embedding has the remaining weight.
        """
        shown = self.told(cells)
        return shown[:, :-1] @ self.words.vectors + shown[:, -1:] * self.words.neutral

    def told(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the weight float32 [M, K + 1] of each noun for cells [M, W].

        It is the noun's probability where that is confident, else 0; the last column is the rest.
        """
        shown = self.probabilities(cells)
        shown = shown * (shown >= _CONFIDENT)
        return torch.cat([shown, 1 - shown.sum(1, keepdim=True)], 1)


def teacher_for(
    weight: torch.Tensor, bias: torch.Tensor, known: tuple[Name, ...], words: Words
) -> Teacher:
    """Return the teacher for a classifier whose classes have the given names."""
    place = {noun: index for index, noun in enumerate(words.nouns)}
    column = torch.full((len(weight),), len(words.nouns), device=weight.device)
    for name in known:
        column[list(name.classes)] = place[name.noun]
    return Teacher(weight, bias, column, words)
