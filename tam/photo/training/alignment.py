"""First stage: cells learn to carry the words for what they show, without the language model.

The vision token of a cell that shows nothing should resemble the embedding of a line break, and
that of a cell that shows an object the embedding of its name: SmolLM2, which never saw a picture,
names such tokens when it is asked what it was shown. Two sources teach this: the tower's classifier
tells what each cell shows, and the nouns of a picture tell what its cells show together. For each
picture only the objects in it are known, not where they are: each of its nouns must be carried by
some of its cells. No mask is used.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.start import Projector
from tam.photo.training.teacher import Teacher, Words

_BEST = 3
"""The number of a picture's cells that must carry each of its nouns."""
_SHARPNESS = 1.0
"""Factor between a squared distance and a logit. The embeddings of two nouns are some three units
apart, so a token that equals a noun's embedding carries the noun with near certainty."""
MARGINS = (1.0, 7.0)
"""The range of the margin by which the tower's classifier prefers the class of a sample."""


@dataclass(frozen=True)
class AlignmentSettings:
    """Settings of the first stage.

    Parameters
    ----------
    steps
        Number of steps.
    cells, sampled
        Cells per step that the classifier teaches, and the share of them that are samples.
    pictures
        Pictures per step that their nouns teach.
    rate, seed
        Peak learning rate; seed of all random draws.
    """

    steps: int = 1500
    cells: int = 8192
    sampled: float = 0.4
    pictures: int = 64
    rate: float = 1e-3
    seed: int = 0


def align(
    projector: Projector,
    pool: Pool,
    sampler: Sampler,
    teacher: Teacher,
    settings: AlignmentSettings,
    tell: Callable[[int, float], None],
) -> None:
    """Train a projector in place.

    Parameters
    ----------
    projector
        The projector, on the device of all other tensors.
    pool, sampler
        Pictures, and a source of cells for classes without pictures.
    teacher
        The tower's classifier. Its words include all nouns of the pool.
    settings
        The settings of this stage.
    tell
        Called with each step and its loss.
    """
    device = pool.features.device
    generator = torch.Generator(device).manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(projector.parameters(), settings.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=settings.steps, pct_start=0.1
    )
    shown = _shown(pool, teacher.words)
    for step in range(settings.steps):
        cells = drawn_cells(pool, sampler, settings.cells, settings.sampled, generator)
        loss = (projector(cells) - teacher.tokens(cells)).square().sum(1).mean()
        chosen = torch.randint(
            len(pool.nouns), (settings.pictures,), generator=generator, device=device
        )
        tokens = projector(pool.features[chosen].float())
        loss = loss + naming_loss(tokens, shown[chosen], teacher.words)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        tell(step, float(loss.detach()))


def drawn_cells(
    pool: Pool, sampler: Sampler, count: int, sampled: float, generator: torch.Generator
) -> torch.Tensor:
    """Return cells float32 [count, W]: real ones of the pool, then samples of any class."""
    device = pool.features.device
    samples = round(count * sampled)
    flat = pool.features.flatten(0, 1)
    real = torch.randint(len(flat), (count - samples,), generator=generator, device=device)
    classes = torch.randint(sampler.classes, (samples,), generator=generator, device=device)
    low, high = MARGINS
    margins = low + (high - low) * torch.rand(samples, generator=generator, device=device)
    return torch.cat([flat[real].float(), sampler.draw(classes, margins, generator)])


def carried(tokens: torch.Tensor, words: Words) -> torch.Tensor:
    """Return the probabilities, float32 [..., K + 1], that tokens [..., D] carry each noun.

    The last column is the probability that they carry none. The logits are negative squared
    distances, so a token most probably carries the nearest noun.
    """
    points = torch.cat([words.vectors, words.neutral[None]])
    return (_SHARPNESS * (2 * tokens @ points.T - points.square().sum(1))).softmax(-1)


def teaching_loss(tokens: torch.Tensor, told: torch.Tensor, words: Words) -> torch.Tensor:
    """Return the mean cross-entropy of what the classifier tells of cells and what tokens carry.

    Parameters
    ----------
    tokens
        float32 [M, D]: the vision tokens of the cells.
    told
        float32 [M, K + 1]: the weights of the nouns, see :meth:`Teacher.told`.
    words
        The words.
    """
    return -(told * carried(tokens, words).clamp_min(1e-7).log()).sum(1).mean()


def naming_loss(tokens: torch.Tensor, shown: torch.Tensor, words: Words) -> torch.Tensor:
    """Return the mean negative log-probability that a picture's best cells carry its nouns.

    Parameters
    ----------
    tokens
        float32 [B, N, D]: the vision tokens of each picture.
    shown
        Bool [B, K]: the nouns of each picture. Pictures without a noun do not count.
    words
        The words.
    """
    best = carried(tokens, words)[..., :-1].topk(_BEST, dim=1).values.mean(1)
    return -best.clamp_min(1e-6).log()[shown].sum() / shown.sum().clamp_min(1)


def _shown(pool: Pool, words: Words) -> torch.Tensor:
    """Return bool [M, K]: the nouns of each picture of the pool."""
    place = {noun: index for index, noun in enumerate(words.nouns)}
    shown = torch.zeros(len(pool.nouns), len(words.nouns), dtype=torch.bool)
    for row, nouns in enumerate(pool.nouns):
        shown[row, [place[noun] for noun in nouns]] = True
    return shown.to(pool.features.device)
