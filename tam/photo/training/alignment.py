"""First stage: cells learn to carry the words for what they show, without the language model.

The vision token of a cell that shows nothing should resemble the embedding of a line break, and
that of a cell that shows an object the embedding of its name: SmolLM2, which never saw a picture,
names such tokens when it is asked what it was shown. For each picture only the objects in it are
known, not where they are: each of its nouns must be carried by some of its cells, and no cell may
carry another noun. No mask is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.start import Projector

_CELLS = 25
"""Cells of a picture that a step uses."""
_BEST = 3
"""The number of those cells that must carry a noun."""
_SHARPNESS = 1.0
"""Factor between a squared distance and a logit. The embeddings of two nouns are some three units
apart, so a token that equals a noun's embedding carries the noun with near certainty."""


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
        float32 [D]: the target of a cell that shows nothing.
    """

    nouns: tuple[str, ...]
    vectors: torch.Tensor
    neutral: torch.Tensor

    def carried(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the probabilities, float32 [..., K + 1], that tokens [..., D] carry each noun.

        The last column is the probability that they carry none. The logits are negative squared
        distances, so a token most probably carries the nearest noun.
        """
        points = torch.cat([self.vectors, self.neutral[None]])
        return (_SHARPNESS * (2 * tokens @ points.T - points.square().sum(1))).softmax(-1)


@dataclass(frozen=True)
class AlignmentSettings:
    """Steps, pictures per step, share of sampled pictures, learning rate and seed."""

    steps: int = 240
    pictures: int = 32
    sampled: float = 0.5
    rate: float = 5e-4
    seed: int = 0


def align(
    projector: Projector,
    pool: Pool,
    sampler: Sampler,
    classes: dict[str, Sequence[int]],
    words: Words,
    settings: AlignmentSettings,
    tell: Callable[[int, float], None],
) -> None:
    """Train a projector in place.

    Parameters
    ----------
    projector
        The projector.
    pool, sampler
        Pictures, and a source of cells for classes without pictures.
    classes
        The classes of each noun that is sampled.
    words
        The words that a cell can carry, including all nouns of the pool and of ``classes``.
    settings
        The settings of this stage.
    tell
        Called with each step and its loss.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(projector.parameters(), settings.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=settings.steps, pct_start=0.1
    )
    place = {noun: index for index, noun in enumerate(words.nouns)}
    for step in range(settings.steps):
        cells, shown = _batch(pool, sampler, classes, settings, generator)
        loss = _loss(projector(cells), [[place[noun] for noun in nouns] for nouns in shown], words)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        tell(step, float(loss.detach()))


def _batch(
    pool: Pool,
    sampler: Sampler,
    classes: dict[str, Sequence[int]],
    settings: AlignmentSettings,
    generator: torch.Generator,
) -> tuple[torch.Tensor, list[tuple[str, ...]]]:
    """Return cells [B, C, W] of pictures and of samples, and the nouns of each."""
    sampled = round(settings.pictures * settings.sampled)
    cells, shown = [], []
    for index in _drawn(len(pool.nouns), settings.pictures - sampled, generator):
        chosen = torch.randperm(pool.features.shape[1], generator=generator)[:_CELLS]
        cells.append(pool.features[index][chosen].float())
        shown.append(pool.nouns[index])
    nouns = list(classes)
    for index in _drawn(len(nouns), sampled, generator):
        cells.append(sampled_picture(pool, sampler, classes[nouns[index]], _CELLS, generator))
        shown.append((nouns[index],))
    return torch.stack(cells), shown


def sampled_picture(
    pool: Pool, sampler: Sampler, numbers: Sequence[int], count: int, generator: torch.Generator
) -> torch.Tensor:
    """Return cells [count, W] of a background, some replaced by samples of one of the classes."""
    grounds = [index for index, nouns in enumerate(pool.nouns) if not nouns]
    ground = pool.features[grounds[_drawn(len(grounds), 1, generator)[0]]].float()
    cells = ground[torch.randperm(len(ground), generator=generator)[:count]]
    number = numbers[_drawn(len(numbers), 1, generator)[0]]
    share = count // 5 + int(torch.randint(count // 2, (1,), generator=generator))
    cells[:share] = sampler.draw(number, share, generator)
    return cells


def _loss(tokens: torch.Tensor, shown: Sequence[Sequence[int]], words: Words) -> torch.Tensor:
    """Return the loss.

    A picture's best cells must carry its nouns, no cell may carry another noun, and every token
    must be near the embedding that it carries.
    """
    carried = words.carried(tokens)
    vectors = torch.cat([words.vectors, words.neutral[None]])
    clean = (tokens - carried.detach() @ vectors).square().sum(-1).mean() / vectors.square().sum(
        1
    ).mean()
    total = clean
    for picture, nouns in zip(carried, shown, strict=True):
        allowed = picture[:, -1] + picture[:, list(nouns)].sum(1)
        wrong = -allowed.clamp_min(1e-6).log().mean()
        best = [-picture[:, n].topk(_BEST).values.mean().clamp_min(1e-6).log() for n in nouns]
        named = torch.stack(best).mean() if best else torch.zeros(())
        total = total + (wrong + named) / len(shown)
    return total


def _drawn(below: int, count: int, generator: torch.Generator) -> list[int]:
    indices: list[int] = torch.randint(below, (count,), generator=generator).tolist()
    return indices
