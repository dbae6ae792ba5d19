"""Feature-space samples: cells for classes without training pictures.

A real cell that clearly shows something is moved in the space of the tower's features until the
tower's classifier prefers another class by a margin, and is then clipped to the range of real
features. It moves along ``covariance · (weight of the new class - weight of the old one)``, the
direction that changes these scores with the most natural variation.
"""

import torch


class Sampler:
    """A source of cells for any class.

    Parameters
    ----------
    cells
        float32 [M, W]: real cells.
    weight, bias
        float32 [C, W] and [C]: the tower's classifier.
    """

    def __init__(self, cells: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self._weight = weight - weight.mean(0)
        self._bias = bias - bias.mean()
        centred = cells - cells.mean(0)
        self._directions = self._weight @ (centred.T @ centred / len(cells))
        self._low, self._high = cells.amin(0), cells.amax(0)
        best = (cells @ self._weight.T + self._bias).softmax(1).max(1)
        clear = best.values.topk(max(len(cells) // 4, 1)).indices
        self._clear, self._shown = cells[clear], best.indices[clear]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self._weight)

    def draw(
        self, classes: torch.Tensor, margins: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw one cell for each of some classes.

        Parameters
        ----------
        classes
            int64 [N]: the classes.
        margins
            float32 [N]: how much the score of each class should exceed the highest other score.
        generator
            The source of randomness, on the device of the cells.

        Returns
        -------
        float32 [N, W]
        """
        source = torch.randint(
            len(self._clear), (len(classes),), generator=generator, device=classes.device
        )
        cells = self._clear[source]
        direction = self._directions[classes] - self._directions[self._shown[source]]
        steps = self._steps(cells, direction, classes, margins)
        return (cells + steps[:, None] * direction).clamp(self._low, self._high)

    def _steps(
        self,
        cells: torch.Tensor,
        direction: torch.Tensor,
        classes: torch.Tensor,
        margins: torch.Tensor,
    ) -> torch.Tensor:
        """Return how far to move each cell; another class can come second on the way."""
        scores, gains = cells @ self._weight.T + self._bias, direction @ self._weight.T
        rows = torch.arange(len(classes), device=classes.device)
        own, own_gain = scores[rows, classes], gains[rows, classes]
        steps = torch.zeros_like(margins)
        for _ in range(4):
            moved = scores + steps[:, None] * gains
            moved[rows, classes] = -torch.inf
            second = moved.argmax(1)
            lack = margins - (own - scores[rows, second])
            relative = (own_gain - gains[rows, second]).clamp_min(1e-3)
            steps = torch.maximum(steps, lack / relative)
        return steps
