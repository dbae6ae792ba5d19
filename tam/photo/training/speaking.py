"""Second stage: the projector learns through the language model, which stays as it was published.

A step shows the language model some cells of each picture, a question and the right answer, and
moves the projector so that the answer becomes more likely. Half of the cells are those that the
projector now makes the most of, half are drawn at random; the last steps show whole pictures, as
they are shown when the model is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tam.photo.training.alignment import Words, sampled_picture
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.start import Projector
from tam.photo.training.text import exchange
from tam.text.tokenizer import Tokenizer

_IGNORED = -100


@dataclass(frozen=True)
class SpeakingSettings:
    """How long and how fast the second stage learns.

    Parameters
    ----------
    steps, pictures
        Steps, and pictures a step.
    cells
        Cells of a picture that are shown.
    whole
        Share of the steps, at the end, that show all cells of a quarter as many pictures.
    sampled
        Share of the pictures that are feature-space samples.
    rate, seed
        Learning rate at its highest; seed of all draws.
    """

    steps: int = 150
    pictures: int = 8
    cells: int = 8
    whole: float = 0.7
    sampled: float = 0.3
    rate: float = 5e-4
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """What the second stage learns from: see :func:`tam.photo.training.alignment.align`."""

    pool: Pool
    sampler: Sampler
    classes: dict[str, Sequence[int]]
    words: Words


@dataclass
class Progress:
    """Where a training stands; what a checkpoint holds beside the projector."""

    step: int
    optimizer: torch.optim.Optimizer


def speak(
    projector: Projector,
    language: Any,
    tokenizer: Tokenizer,
    material: Material,
    settings: SpeakingSettings,
    progress: Progress,
    tell: Callable[[int, float], None],
) -> None:
    """Train a projector in place, from the step where ``progress`` stands.

    Every step draws from a generator seeded by its number, so that a training that was interrupted
    goes on as it would have.

    Parameters
    ----------
    projector
        What learns.
    language, tokenizer
        The language model, frozen, and its tokenizer.
    material, settings
        See there.
    progress
        Is brought forward.
    tell
        Called after each step with its number and its loss.
    """
    while progress.step < settings.steps:
        _set_rate(progress.optimizer, settings, progress.step)
        loss = _step_loss(projector, language, tokenizer, material, settings, progress.step)
        progress.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        progress.optimizer.step()
        progress.step += 1
        tell(progress.step, float(loss.detach()))


def _set_rate(optimizer: torch.optim.Optimizer, settings: SpeakingSettings, step: int) -> None:
    """Rise over the first twentieth, then fall along a cosine to a twentieth of the rate."""
    rise = max(settings.steps // 20, 1)
    done = max(step - rise, 0) / max(settings.steps - rise, 1)
    falling = 0.05 + 0.95 * (1 + np.cos(np.pi * done)) / 2
    for group in optimizer.param_groups:
        group["lr"] = settings.rate * min((step + 1) / rise, 1.0) * falling


def _step_loss(
    projector: Projector,
    language: Any,
    tokenizer: Tokenizer,
    material: Material,
    settings: SpeakingSettings,
    step: int,
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    rng = np.random.default_rng((settings.seed, step))
    whole = step >= settings.steps * (1 - settings.whole)
    count = max(settings.pictures // 4, 1) if whole else settings.pictures
    tokens, asked = [], []
    for _ in range(count):
        cells, nouns = _picture(material, settings.sampled, rng, generator)
        projected = projector(cells)
        if not whole:
            projected = projected[_chosen(projected, material.words, settings.cells, generator)]
        tokens.append(projected)
        asked.append(exchange(nouns, material.words.nouns, rng))
    return answer_loss(language, tokenizer, tokens, asked)


def _picture(
    material: Material, sampled: float, rng: np.random.Generator, generator: torch.Generator
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """All cells of a picture or of a sample, and its nouns."""
    pool = material.pool
    if rng.random() < sampled:
        nouns = list(material.classes)
        noun = nouns[int(rng.integers(len(nouns)))]
        number = material.classes[noun]
        size = pool.features.shape[1]
        return sampled_picture(pool, material.sampler, number, size, generator), (noun,)
    index = int(rng.integers(len(pool.nouns)))
    return pool.features[index].float(), pool.nouns[index]


def _chosen(
    projected: torch.Tensor, words: Words, count: int, generator: torch.Generator
) -> torch.Tensor:
    """Indices of the cells to show: half the most outspoken, half drawn from the rest."""
    outspoken = (projected.detach() - words.neutral).square().sum(1).argsort(descending=True)
    first, rest = outspoken[: count // 2], outspoken[count // 2 :]
    drawn = rest[torch.randperm(len(rest), generator=generator)[: count - len(first)]]
    return torch.cat([first, drawn]).sort().values


def answer_loss(
    language: Any,
    tokenizer: Tokenizer,
    tokens: Sequence[torch.Tensor],
    asked: Sequence[tuple[str, str]],
) -> torch.Tensor:
    """Mean negative log-probability of the answers' tokens, their end included.

    Parameters
    ----------
    language, tokenizer
        The language model and its tokenizer.
    tokens
        float32 [C, D] for each picture: what stands for it in the prompt.
    asked
        For each picture a question and its answer.
    """
    embed = language.get_input_embeddings()
    rows, labels = [], []
    for picture, (question, answer) in zip(tokens, asked, strict=True):
        before = _ids(tokenizer, "<|im_start|>user\n")
        between = _ids(tokenizer, f"\n{question}<|im_end|>\n<|im_start|>assistant\n")
        told = _ids(tokenizer, f"{answer}<|im_end|>")
        rows.append(torch.cat([embed(before), picture, embed(between), embed(told)]))
        silent = len(before) + len(picture) + len(between)
        labels.append(torch.cat([torch.full((silent,), _IGNORED), told]))
    # What stands behind an answer is seen by nothing before it: no attention mask is needed.
    inputs = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    wanted = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=_IGNORED)
    states = language.model(inputs_embeds=inputs, use_cache=False).last_hidden_state[:, :-1]
    told_here = wanted[:, 1:] != _IGNORED
    logits = language.get_output_embeddings()(states[told_here])
    return nn.functional.cross_entropy(logits.float(), wanted[:, 1:][told_here])


def _ids(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    return torch.tensor(tokenizer(text, add_special_tokens=False).input_ids)
