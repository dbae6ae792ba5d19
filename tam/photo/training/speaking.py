"""Second stage: the projector learns through the frozen language model.

A step shows the language model pictures, asks questions about each, and updates the projector, and
the language model's adapter if it has one, to make the right answers more probable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tam.model.assembled import CAPTION_QUESTIONS
from tam.photo.training.alignment import MARGINS, drawn_cells, teaching_loss
from tam.photo.training.pool import Pool
from tam.photo.training.samples import Sampler
from tam.photo.training.start import Projector
from tam.photo.training.teacher import Teacher
from tam.photo.training.text import exchange
from tam.photo.vocabulary import names
from tam.text.tokenizer import Tokenizer

_IGNORED = -100
_WHOLE = 0.1
"""Share of the steps, the last ones, that show all cells even if the others show some."""


@dataclass(frozen=True)
class SpeakingSettings:
    """The settings of the second stage.

    Parameters
    ----------
    steps, pictures
        Steps, and pictures per step.
    asked
        Questions about each picture. They share the computation of its vision tokens.
    cells
        Cells of each picture that are shown, at random; None for all. On a CPU, few save time. The
        last tenth of the steps shows all.
    questions
        The questions for a caption; the first is the most frequent.
    presence
        Share of the questions that ask whether an object is in the picture.
    sampled
        Share of the pictures whose objects are feature-space samples.
    two
        Share of those pictures that show two objects.
    faintest
        The least margin by which the tower's classifier prefers the class of a sample in them;
        below 0 the class need not be its first choice.
    taught
        Single cells per step of which the tower's classifier goes on teaching what they show.
    rate, seed
        Peak learning rate; seed of all random draws.
    """

    steps: int = 400
    pictures: int = 128
    asked: int = 1
    cells: int | None = None
    questions: tuple[str, ...] = CAPTION_QUESTIONS
    presence: float = 0.25
    sampled: float = 0.5
    two: float = 0.25
    faintest: float = MARGINS[0]
    taught: int = 0
    rate: float = 5e-4
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """The training material.

    Parameters
    ----------
    pool, sampler
        Pictures, and a source of cells for classes without pictures.
    teacher
        The tower's classifier. Questions ask for some of its nouns that are not in the picture.
    """

    pool: Pool
    sampler: Sampler
    teacher: Teacher


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
    """Train what the optimizer holds in place, beginning at ``progress.step``.

    Every step draws from generators that are seeded with its number, so a resumed training is the
    same as one that was not interrupted.

    Parameters
    ----------
    projector
        The projector, on the device of all other tensors.
    language, tokenizer
        The language model, frozen but for its adapter if it has one, and its tokenizer.
    material, settings
        The training material, and the settings of this stage.
    progress
        The state of the training, which is updated in place.
    tell
        Called after each step with its number and its loss.
    """
    trained = [weights for group in progress.optimizer.param_groups for weights in group["params"]]
    while progress.step < settings.steps:
        _set_rate(progress.optimizer, settings, progress.step)
        device = material.pool.features.device
        rng = np.random.default_rng((settings.seed, progress.step))
        generator = torch.Generator(device).manual_seed(settings.seed * 1_000_003 + progress.step)
        pictures, shown = _drawn(material, settings, rng, generator)
        if settings.cells is not None and progress.step < (1 - _WHOLE) * settings.steps:
            pictures = some_cells(pictures, settings.cells, generator)
        exchanges = [
            exchange(
                nouns, material.teacher.words.nouns, settings.questions, rng, settings.presence
            )
            for nouns in shown
            for _ in range(settings.asked)
        ]
        loss = answer_loss(language, tokenizer, projector(pictures), exchanges)
        if settings.taught:
            loss = loss + _taught(projector, material, settings, generator)
        progress.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        progress.optimizer.step()
        progress.step += 1
        tell(progress.step, float(loss.detach()))


def _taught(
    projector: Projector,
    material: Material,
    settings: SpeakingSettings,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the classifier's loss on single cells, see :func:`teaching_loss`."""
    cells = drawn_cells(
        material.pool, material.sampler, settings.taught, settings.sampled, generator
    )
    told = material.teacher.told(cells)
    return teaching_loss(projector(cells), told, material.teacher.words)


def _set_rate(optimizer: torch.optim.Optimizer, settings: SpeakingSettings, step: int) -> None:
    """Warm up over the first twentieth of the steps, then decay to a twentieth along a cosine."""
    rise = max(settings.steps // 20, 1)
    done = max(step - rise, 0) / max(settings.steps - rise, 1)
    falling = 0.05 + 0.95 * (1 + np.cos(np.pi * done)) / 2
    for group in optimizer.param_groups:
        group["lr"] = settings.rate * min((step + 1) / rise, 1.0) * falling


def _drawn(
    material: Material,
    settings: SpeakingSettings,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[torch.Tensor, list[tuple[str, ...]]]:
    """Return pictures float32 [B, N, W] and their nouns."""
    pool, device = material.pool, material.pool.features.device
    sampled = int(rng.binomial(settings.pictures, settings.sampled))
    chosen = rng.integers(len(pool.nouns), size=settings.pictures - sampled)
    real = pool.features[torch.from_numpy(chosen).to(device)].float()
    made, nouns = sampled_pictures(
        pool,
        material.sampler,
        sampled,
        rng,
        generator,
        two=settings.two,
        faintest=settings.faintest,
    )
    return torch.cat([real, made]), [*(pool.nouns[i] for i in chosen), *nouns]


def some_cells(pictures: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``count`` random cells of each picture, in their order: [B, N, W] to [B, count, W]."""
    keys = torch.rand(pictures.shape[:2], generator=generator, device=pictures.device)
    chosen = keys.topk(count, dim=1).indices.sort(dim=1).values
    return pictures.gather(1, chosen[..., None].expand(-1, -1, pictures.shape[2]))


def sampled_pictures(
    pool: Pool,
    sampler: Sampler,
    count: int,
    rng: np.random.Generator,
    generator: torch.Generator,
    *,
    two: float,
    faintest: float = MARGINS[0],
) -> tuple[torch.Tensor, list[tuple[str, ...]]]:
    """Return backgrounds in which one or two ellipses of cells are samples of random nouns.

    Every noun of the tower's classifier is equally frequent. The margins of the samples fall
    towards the border of an ellipse, down to ``faintest``. ``two`` is the share of pictures with
    two objects.

    Returns
    -------
    pictures
        float32 [count, N, W].
    nouns
        The nouns of each picture, from left to right.
    """
    device = pool.features.device
    grounds = np.array([index for index, nouns in enumerate(pool.nouns) if not nouns])
    pictures = pool.features[
        torch.from_numpy(grounds[rng.integers(len(grounds), size=count)]).to(device)
    ].float()
    side = round(pictures.shape[1] ** 0.5)
    known = names()
    shown: list[tuple[str, ...]] = []
    places, classes, margins = [], [], []
    for index in range(count):
        number = 2 if rng.random() < two else 1
        chosen = [known[int(n)] for n in rng.choice(len(known), size=number, replace=False)]
        shown.append(tuple(name.noun for name in chosen))
        for part, name in enumerate(chosen):
            inside = _ellipse(side, part, number, rng)
            cells = np.flatnonzero(inside)
            places.append(index * side * side + cells)
            classes.append(np.full(len(cells), rng.choice(name.classes)))
            peak = rng.uniform(faintest + 1, MARGINS[1])
            margins.append(faintest + (peak - faintest) * inside.ravel()[cells])
    if places:
        at = torch.from_numpy(np.concatenate(places)).to(device)
        wanted = torch.from_numpy(np.concatenate(classes)).to(device)
        least = torch.from_numpy(np.concatenate(margins)).float().to(device)
        flat = pictures.flatten(0, 1)
        flat[at] = sampler.draw(wanted, least, generator)
        pictures = flat.view(pictures.shape)
    return pictures, shown


def _ellipse(side: int, part: int, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return float64 [side, side]: 1 in the middle of an ellipse, falling to 0 at its border.

    It lies in the given one of ``number`` equal parts of the width.
    """
    width = side / number
    radius_x = width * rng.uniform(0.2, 0.5)
    radius_y = side * rng.uniform(0.2, 0.5)
    x = part * width + rng.uniform(radius_x, width - radius_x)
    y = rng.uniform(radius_y, side - radius_y)
    centres = np.arange(side) + 0.5
    distance = ((centres[None] - x) / radius_x) ** 2 + ((centres[:, None] - y) / radius_y) ** 2
    return np.asarray(np.clip(1 - distance, 0, 1))


def answer_loss(
    language: Any,
    tokenizer: Tokenizer,
    tokens: torch.Tensor,
    exchanges: Sequence[tuple[str, str]],
) -> torch.Tensor:
    """Return the mean negative log-probability of the answers' tokens, end tokens included.

    Parameters
    ----------
    language, tokenizer
        The language model and its tokenizer.
    tokens
        float32 [B, N, D]: the vision tokens of each picture.
    exchanges
        Questions and their answers: equally many for each picture, which follow each other.
    """
    embed = language.get_input_embeddings()
    device = tokens.device
    before = torch.tensor(_ids(tokenizer, "<|im_start|>user\n"), device=device)
    rows, labels = [], []
    for question, answer in exchanges:
        between = _ids(tokenizer, f"\n{question}<|im_end|>\n<|im_start|>assistant\n")
        reply = _ids(tokenizer, f"{answer}<|im_end|>")
        rows.append(torch.tensor(between + reply))
        labels.append(torch.tensor([_IGNORED] * len(between) + reply))
    # Padding follows the answers and attention is causal, so no attention mask is needed.
    after = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)
    wanted = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=_IGNORED).to(device)
    start = embed(before).expand(len(tokens), -1, -1)
    pictures = torch.cat([start, tokens.to(start.dtype)], 1)
    seen = language.model(inputs_embeds=pictures, use_cache=True).past_key_values
    seen.batch_repeat_interleave(len(exchanges) // len(tokens))
    told = language.model(inputs_embeds=embed(after), past_key_values=seen).last_hidden_state
    # The state of a position predicts the next token.
    states = told[:, :-1]
    in_answer = wanted[:, 1:] != _IGNORED
    logits = language.get_output_embeddings()(states[in_answer])
    return nn.functional.cross_entropy(logits.float(), wanted[:, 1:][in_answer])


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids
