"""Feature-space samples: cells that speak for a class of which there is no picture to train on.

A real cell's features are moved along ``covariance · weight`` of the class, the direction in which
real features vary most for what the classifier gains, until the tower's classifier prefers the
class by a margin; then they are held to the range of real features.
"""

import torch


class Sampler:
    """Draws cells for classes.

    Parameters
    ----------
    cells
        float32 [M, W]: real cells.
    classifier
        float32 [1000, W]: weights of the tower's classifier.
    margin
        How far the class's score comes to lie above the second best's.
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
        """float32 [count, W]: cells that speak for the class of that number.

        They begin as cells that speak for it more than most others do.
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
