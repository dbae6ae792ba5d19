"""First stage: cells learn to carry the words for what they show, without the language model.

A token that shows nothing is to be like a line break's embedding, a token that shows an object like
the embedding of its name: SmolLM2, which never saw a picture, names such tokens when it is asked
what it was shown. What is known of a picture is only which objects are in it, not where: each of
its nouns has to be carried by some of its cells, and no cell may carry another noun. No mask is
used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.start import Projector

_CELLS = 25
"""Cells of a picture that a step looks at."""
_BEST = 3
"""How many of those cells have to carry a noun."""
_SHARPNESS = 1.0
"""Factor between a squared distance and a logit. Two nouns' embeddings are some three units apart,
so a token that is a noun's own embedding carries it for certain."""


@dataclass(frozen=True)
class Words:
    """What a cell can carry.

    Parameters
    ----------
    nouns
        The nouns, in the order of ``vectors``.
    vectors
        float32 [K, D]: their embeddings.
    neutral
        float32 [D]: what a cell that shows nothing is to be like.
    """

    nouns: tuple[str, ...]
    vectors: torch.Tensor
    neutral: torch.Tensor

    def carried(self, tokens: torch.Tensor) -> torch.Tensor:
        """float32 [..., K + 1]: probabilities that tokens [..., D] carry a noun; last, none.

        A token carries what it is nearest to: the logits are negative squared distances.
        """
        points = torch.cat([self.vectors, self.neutral[None]])
        return (_SHARPNESS * (2 * tokens @ points.T - points.square().sum(1))).softmax(-1)


@dataclass(frozen=True)
class AlignmentSettings:
    """How long and how fast: steps, pictures a step, share of sampled ones, learning rate, seed."""

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
        What learns.
    pool, sampler
        Pictures, and cells of classes of which there are none.
    classes
        For each noun that is sampled the classes that it stands for.
    words
        What a cell can carry; holds all nouns of the pool and of ``classes``.
    settings
        See there.
    tell
        Called with the step and its loss.
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
    """Cells [B, C, W] of pictures and of samples, and the nouns of each."""
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
    """[count, W]: cells for one of some classes among the cells of a background."""
    grounds = [index for index, nouns in enumerate(pool.nouns) if not nouns]
    ground = pool.features[grounds[_drawn(len(grounds), 1, generator)[0]]].float()
    cells = ground[torch.randperm(len(ground), generator=generator)[:count]]
    number = numbers[_drawn(len(numbers), 1, generator)[0]]
    share = count // 5 + int(torch.randint(count // 2, (1,), generator=generator))
    cells[:share] = sampler.draw(number, share, generator)
    return cells


def _loss(tokens: torch.Tensor, shown: Sequence[Sequence[int]], words: Words) -> torch.Tensor:
    """The nouns of a picture are carried by its best cells, others by none; tokens are clean."""
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
