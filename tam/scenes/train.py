"""Trains the small model on generated scenes: ``python -m tam.scenes.train --out FOLDER``.

The loss is that of the answers (captions and answers to questions) plus a readability loss at the
vision positions, named by ``--readability``: ``weak`` uses only which words are true of a picture,
``masks`` also where they are, ``none`` leaves it out. Pictures grow over the run (`CURRICULUM`).
Every batch is a function of the seed and the step alone, so a run that was interrupted goes on from
its checkpoint exactly as if it had not been, given the same number of threads.

What the shipped weights took: ``--readability weak`` from seed 0, in bfloat16 on 2 CPU cores shared
with other work, 5200 steps, 75 minutes of them, 125240 pictures. It was not one command: the run
first ended at 3900 steps, with a decay over the last 600 (``--steps 3900 --decay 600``), and went
on from that checkpoint with ``--steps 5200 --decay 900``. The weight of the readability loss was
0.5 up to step 2000 and 2, now the default, from there on; one thread or two were used as the other
work left them. A repetition will be close but not equal to the bit. No mask was used.
"""

import argparse
import copy
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from tam.scenes.batch import Batch, Encoder, make_batch
from tam.scenes.losses import (
    answer_loss,
    hidden_states,
    mask_readability,
    vision_features,
    weak_readability,
)
from tam.scenes.network import new_model
from tam.scenes.tokens import build_processor, build_tokenizer

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum: its steps, grids of cells, object counts, rows, turns."""

    steps: int
    grids: tuple[tuple[int, int], ...]
    objects: tuple[int, int]
    rows: int
    turns: int


CURRICULUM: tuple[Stage, ...] = (
    Stage(1700, ((5, 5), (6, 6), (7, 7), (8, 8), (6, 8), (8, 6)), (1, 1), 32, 1),
    Stage(900, ((11, 11), (10, 12), (12, 10)), (1, 3), 24, 3),
    Stage(1, ((16, 16), (16, 16), (15, 18), (18, 15), (14, 19), (20, 13)), (1, 4), 16, 4),
)
"""The last stage lasts until the end of the run."""

REPLAY = 0.2
"""Share of the steps that an earlier stage, drawn at random, is gone back to."""


@dataclass(frozen=True)
class Settings:
    """What decides a run: equal settings give equal weights on the same kind of machine."""

    seed: int = 0
    steps: int = 3900
    decay: int = 600
    warmup: int = 300
    rate: float = 1e-3
    readability: str = "weak"
    weight: float = 2.0
    bfloat16: bool = True


def learning_rate(settings: Settings, step: int) -> float:
    """Linear warm-up, a plateau, and a cosine to 2 % over the last ``decay`` steps."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    left = min(1.0, (settings.steps - step) / max(1, settings.decay))
    return settings.rate * (0.02 + 0.98 * 0.5 * (1 - math.cos(math.pi * left)))


def stage_of(seed: int, step: int) -> Stage:
    """The stage of a step: the curriculum's, or now and then an earlier one."""
    index = 0
    start = CURRICULUM[0].steps
    while step >= start and index + 1 < len(CURRICULUM):
        index += 1
        start += CURRICULUM[index].steps
    rng = np.random.default_rng([seed, step])
    if index and rng.random() < REPLAY:
        index = int(rng.integers(index))
    return CURRICULUM[index]


def batch_of(encoder: Encoder, settings: Settings, step: int) -> Batch:
    """The batch of a step, from scenes that no other step uses."""
    stage = stage_of(settings.seed, step)
    rng = np.random.default_rng([settings.seed, step, 1])
    first = (settings.seed * 20_000_000 + step * 64) % 900_000_000
    return make_batch(
        encoder,
        split="train",
        first=first,
        count=stage.rows,
        grid=stage.grids[int(rng.integers(len(stage.grids)))],
        objects=stage.objects,
        turns=stage.turns,
        masks=settings.readability == "masks",
    )


def losses(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
) -> tuple[Tensor, Tensor]:
    """Answer loss and readability loss of a batch (0 without readability).

    Readability is asked of the final states and, at half the weight, of what the vision tower
    hands to the language model: the shorter way is the one that its layers learn from first.
    """
    device = model.device

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(device)

    # On a CPU the plain attention is the faster one for short sequences.
    short = device.type == "cpu" and batch.ids.shape[1] <= 224
    with (
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings.bfloat16),
        sdpa_kernel(SDPBackend.MATH if short else list(_ATTENTION)),
    ):
        handed = vision_features(model, tensor(batch.pixels), batch.grid)
        states = hidden_states(
            model,
            handed,
            tensor(batch.ids),
            tensor(batch.positions),
            tensor(batch.segments),
            batch.vision_start,
        )
        said = answer_loss(model.lm_head, states, tensor(batch.labels))
        stop = batch.vision_start + handed.shape[1]
        final, early = (
            _readability(model, encoder, batch, settings, part)
            for part in (
                states[:, batch.vision_start : stop],
                model.model.language_model.norm(handed),
            )
        )
        return said, final + 0.5 * early


def _readability(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
    vision: Tensor,
) -> Tensor:
    """The readability loss of vision states [B, N, D], by the supervision that the run uses."""
    device = vision.device
    tokens = torch.tensor(encoder.word_tokens, device=device)
    if settings.readability == "weak":
        kinds = torch.tensor(encoder.word_kinds, device=device)
        true_words = torch.from_numpy(batch.true_words).to(device)
        return weak_readability(model.lm_head, vision, tokens, kinds, true_words)
    if settings.readability == "masks":
        if batch.cell_words is None:
            raise ValueError("mask supervision needs a batch made with masks=True")
        cell_words = torch.from_numpy(batch.cell_words).to(device)
        return mask_readability(model.lm_head, vision, tokens, cell_words, encoder.background)
    return torch.zeros((), device=device)


_ATTENTION = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)


_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Run:
    """A training run between two steps: the model, its optimiser, and the steps done."""

    model: "Qwen2VLForConditionalGeneration"
    optimizer: torch.optim.AdamW
    settings: Settings
    step: int = 0
    seconds: float = 0.0


def start(settings: Settings, device: str) -> Run:
    """A run at its first step."""
    model: Any = new_model(build_tokenizer(), settings.seed)
    model.to(device).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.02
    )
    return Run(model, optimizer, settings)


def advance(run: Run, encoder: Encoder) -> tuple[float, float]:
    """Do one step; returns its answer loss and its readability loss."""
    began = time.monotonic()
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(run.settings, run.step)
    batch = batch_of(encoder, run.settings, run.step)
    said, shown = losses(run.model, encoder, batch, run.settings)
    total: Any = said + run.settings.weight * shown
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.step += 1
    run.seconds += time.monotonic() - began
    return float(said.detach()), float(shown.detach())


def save(run: Run, folder: Path) -> None:
    """Write a checkpoint: weights and optimiser as safetensors, the rest as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name, _ in run.model.named_parameters()]
    moments: dict[str, Tensor] = {}
    for index, state in run.optimizer.state_dict()["state"].items():
        for key, value in state.items():
            moments[f"{key}:{names[index]}"] = value.detach().clone().contiguous()
    weights = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    note = {"step": str(run.step), "seconds": str(run.seconds)}
    # One file, renamed into place: an interruption never leaves half a checkpoint.
    partial = folder / "checkpoint.partial"
    save_file({**{f"weight:{k}": v for k, v in weights.items()}, **moments}, partial, note)
    partial.replace(folder / "checkpoint.safetensors")


def resume(settings: Settings, folder: Path, device: str) -> Run:
    """The run of a folder's checkpoint."""
    from safetensors import safe_open

    run = start(settings, device)
    path = folder / "checkpoint.safetensors"
    with safe_open(path, "pt") as opened:
        note = opened.metadata()
    tensors = load_file(path, device=device)
    state: dict[int, dict[str, Tensor]] = {}
    with torch.no_grad():
        for index, (name, value) in enumerate(run.model.named_parameters()):
            value.copy_(tensors[f"weight:{name}"])
            moments = {
                kind: tensors[f"{kind}:{name}"] for kind in _MOMENTS if f"{kind}:{name}" in tensors
            }
            if moments:
                state[index] = moments
    groups = run.optimizer.state_dict()["param_groups"]
    run.optimizer.load_state_dict({"state": state, "param_groups": groups})
    run.step, run.seconds = int(note["step"]), float(note["seconds"])
    return run


def export(run: Run, folder: Path) -> None:
    """Write the model in float16 with its processor, ready for ``from_pretrained``."""
    build_processor().save_pretrained(folder)
    model: Any = copy.deepcopy(run.model)
    model.half().eval().save_pretrained(folder)


def train(settings: Settings, folder: Path, device: str, every: int = 100) -> Run:
    """Train to the last step, with a checkpoint every 5 ``every`` steps, and export the model."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    found = (folder / "checkpoint.safetensors").exists()
    run = resume(settings, folder, device) if found else start(settings, device)
    encoder = Encoder(build_tokenizer())
    sums = np.zeros(2)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=settings.steps, completed=run.step)
        while run.step < settings.steps:
            sums += advance(run, encoder)
            bar.update(task, completed=run.step)
            if run.step % every == 0:
                said, shown = sums / every
                sums[:] = 0
                print(
                    f"step {run.step} of {settings.steps}: answers {said:.3f}, readability "
                    f"{shown:.3f}, {run.seconds / 60:.1f} minutes",
                    file=sys.stderr,
                    flush=True,
                )
            if run.step % (5 * every) == 0 or run.step == settings.steps:
                save(run, folder)
    export(run, folder / "model")
    return run


def main(arguments: list[str] | None = None) -> None:
    """The command line; prints a JSON summary on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tam.scenes.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and model")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--decay", type=int, default=Settings.decay, help="last, cooling steps")
    parser.add_argument("--rate", type=float, default=Settings.rate, help="learning rate")
    parser.add_argument("--readability", choices=["weak", "masks", "none"], default="weak")
    parser.add_argument("--weight", type=float, default=Settings.weight, help="of readability")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = vars(parser.parse_args(arguments))
    folder, device = given.pop("out"), given.pop("device")
    run = train(Settings(**given), folder, device)
    summary: dict[str, Any] = {"step": run.step, "seconds": run.seconds, "out": str(folder)}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
