"""Second stage: the projector learns through the frozen language model.

A step shows the language model some cells of each picture, a question and the right answer, and
updates the projector to make the answer more probable. Half of the cells are those whose projection
is furthest from the neutral token, half are drawn at random; the last steps show whole pictures, as
at inference.
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
    """The settings of the second stage.

    Parameters
    ----------
    steps, pictures
        Steps, and pictures per step.
    cells
        Cells that are shown of each picture.
    whole
        Share of the steps, at the end, that show all cells of a quarter as many pictures.
    sampled
        Share of the pictures that are feature-space samples.
    rate, seed
        Peak learning rate; seed of all random draws.
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
    """The training material, as in :func:`tam.photo.training.alignment.align`."""

    pool: Pool
    sampler: Sampler
    classes: dict[str, Sequence[int]]
    words: Words


@dataclass
class Progress:
    """The state of a training besides the projector, as in a checkpoint."""

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
    """Train a projector in place, beginning at ``progress.step``.

    Every step draws from a generator that is seeded with its number, so a resumed training is the
    same as one that was not interrupted.

    Parameters
    ----------
    projector
        The projector.
    language, tokenizer
        The frozen language model and its tokenizer.
    material, settings
        The training material, and the settings of this stage.
    progress
        The state of the training, which is updated in place.
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
    """Warm up over the first twentieth of the steps, then decay to a twentieth along a cosine."""
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
    tokens, exchanges = [], []
    for _ in range(count):
        cells, nouns = _picture(material, settings.sampled, rng, generator)
        projected = projector(cells)
        if not whole:
            projected = projected[_chosen(projected, material.words, settings.cells, generator)]
        tokens.append(projected)
        exchanges.append(exchange(nouns, material.words.nouns, rng))
    return answer_loss(language, tokenizer, tokens, exchanges)


def _picture(
    material: Material, sampled: float, rng: np.random.Generator, generator: torch.Generator
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Return all cells of a picture or of a sample, and its nouns."""
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
    """Return the indices of the cells to show: half the least neutral, half drawn from the rest."""
    distinct = (projected.detach() - words.neutral).square().sum(1).argsort(descending=True)
    first, rest = distinct[: count // 2], distinct[count // 2 :]
    drawn = rest[torch.randperm(len(rest), generator=generator)[: count - len(first)]]
    return torch.cat([first, drawn]).sort().values


def answer_loss(
    language: Any,
    tokenizer: Tokenizer,
    tokens: Sequence[torch.Tensor],
    exchanges: Sequence[tuple[str, str]],
) -> torch.Tensor:
    """Return the mean negative log-probability of the answers' tokens, end tokens included.

    Parameters
    ----------
    language, tokenizer
        The language model and its tokenizer.
    tokens
        float32 [C, D] for each picture: its vision tokens.
    exchanges
        A question and its answer for each picture.
    """
    embed = language.get_input_embeddings()
    rows, labels = [], []
    for picture, (question, answer) in zip(tokens, exchanges, strict=True):
        before = _ids(tokenizer, "<|im_start|>user\n")
        between = _ids(tokenizer, f"\n{question}<|im_end|>\n<|im_start|>assistant\n")
        reply = _ids(tokenizer, f"{answer}<|im_end|>")
        rows.append(torch.cat([embed(before), picture, embed(between), embed(reply)]))
        context = len(before) + len(picture) + len(between)
        labels.append(torch.cat([torch.full((context,), _IGNORED), reply]))
    # Padding follows the answers and attention is causal, so no attention mask is needed.
    inputs = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    wanted = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=_IGNORED)
    states = language.model(inputs_embeds=inputs, use_cache=False).last_hidden_state[:, :-1]
    in_answer = wanted[:, 1:] != _IGNORED
    logits = language.get_output_embeddings()(states[in_answer])
    return nn.functional.cross_entropy(logits.float(), wanted[:, 1:][in_answer])


def _ids(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    return torch.tensor(tokenizer(text, add_special_tokens=False).input_ids)
