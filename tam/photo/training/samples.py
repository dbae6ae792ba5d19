"""Feature-space samples: features of cells for classes without training pictures.

The features of a real cell are moved along ``covariance · weight`` of the class, the direction that
raises the classifier's score with the most natural variation of features, until the tower's
classifier prefers the class by a margin; then they are clipped to the range of real features.
"""

import torch


class Sampler:
    """A source of cells for any class.

    Parameters
    ----------
    cells
        float32 [M, W]: real cells.
    classifier
        float32 [1000, W]: weights of the tower's classifier.
    margin
        The margin by which the class's score exceeds that of the second-best class.
    """

    def __init__(self, cells: torch.Tensor, classifier: torch.Tensor, margin: float) -> None:
        self._cells = cells
        self._classifier = classifier - classifier.mean(0)
        self._margin = margin
        centred = cells - cells.mean(0)
        covariance = centred.T @ centred / len(cells)
        self._directions = self._classifier @ covariance
        self._low, self._high = cells.amin(0), cells.amax(0)
        self._scores = (cells @ self._classifier.T).T.contiguous()

    def draw(self, number: int, count: int, generator: torch.Generator) -> torch.Tensor:
        """Draw cells float32 [count, W] for the class with index ``number``.

        They are made from the real cells with the highest scores for the class.
        """
        near = self._scores[number].topk(min(200, len(self._cells))).indices
        chosen = near[torch.randint(len(near), (count,), generator=generator)]
        cells = self._cells[chosen]
        scores = cells @ self._classifier.T
        own = scores[:, number].clone()
        scores[:, number] = -torch.inf
        gain = self._classifier @ self._directions[number]
        others = gain[scores.argmax(1)]
        lack = scores.amax(1) + self._margin - own
        steps = (lack / (gain[number] - others).clamp_min(1e-6)).clamp_min(0)
        steps = steps * (0.7 + 0.6 * torch.rand(count, generator=generator))
        moved = cells + steps[:, None] * self._directions[number]
        return moved.clamp(self._low, self._high)
