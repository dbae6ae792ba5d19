"""Trains the small models on generated scenes: ``python -m tam.scenes.train --model small``.

The loss is that of the answers (captions and answers to questions) plus a readability loss at the
vision positions: ``weak`` (`small`) uses only which words are true of a picture, ``masks``
(`small-masks`) also where they are, ``none`` leaves it out. Pictures grow over the run
(`tam.scenes.curriculum`). Every batch is a function of the seed and the step alone, so a run that
was interrupted goes on from its checkpoint exactly as if it had not been, given the same device and
number of threads.

What the shipped weights took: one run each from seed 0 with the defaults and ``--workers 5``, both
at once on one H100 with 16 CPU cores (torch 2.11, transformers 5.17), in TF32:

- `small` 7000 steps, 684070 pictures (a clip counts as one), 13 minutes. Of 7500 steps these are
  what the time on that machine allowed; the rate had fallen to 11 % of its height.
- `small-masks` all 7500 steps, 724420 pictures, 13 minutes.

Each was interrupted once, which repeats up to 500 steps and changes nothing else. A GPU's sums
differ from run to run, so a repetition is alike but not equal to the bit. No mask was used for
`small` at any time. On a CPU a step of ``--breadth 1`` takes about a second.
"""

import argparse
import copy
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from tam.scenes.batch import UNMASKED, Batch, Encoder
from tam.scenes.curriculum import Settings, batches, learning_rate
from tam.scenes.losses import (
    answer_loss,
    hidden_states,
    mask_readability,
    use_prefix_attention,
    vision_features,
    weak_readability,
)
from tam.scenes.network import new_model
from tam.scenes.tokens import build_processor, build_tokenizer

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration


MODELS: dict[str, str] = {"small": "weak", "small-masks": "masks"}
"""The readability loss of each model that the package carries."""


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

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings.bfloat16):
        vision = tensor(batch.vision)
        handed = vision_features(model, tensor(batch.pixels), batch.grid)
        handed = handed.reshape(len(batch.ids), len(batch.vision), -1)
        states = hidden_states(
            model,
            handed,
            tensor(batch.ids),
            tensor(batch.positions),
            tensor(batch.segments),
            vision,
        )
        decisive = torch.tensor(encoder.decisive, device=device)
        said = answer_loss(model.lm_head, states, tensor(batch.labels), decisive)
        final, early = (
            _readability(model, encoder, batch, settings, part)
            for part in (states[:, vision], model.model.language_model.norm(handed))
        )
        return said, final + 0.5 * early


def _readability(
    model: "Qwen2VLForConditionalGeneration",
    encoder: Encoder,
    batch: Batch,
    settings: Settings,
    vision: Tensor,
) -> Tensor:
    """The readability loss of vision states [B, G*N, D], by the supervision that the run uses."""
    device = vision.device
    tokens = torch.tensor(encoder.word_tokens, device=device)
    if settings.readability == "weak":
        kinds = torch.tensor(encoder.word_kinds, device=device)
        true_words = torch.from_numpy(batch.true_words).to(device).flatten(0, 1)
        grids = vision.reshape(len(true_words), -1, vision.shape[-1])
        true_pairs = torch.from_numpy(batch.true_pairs).to(device).flatten(0, 1)
        return weak_readability(model.lm_head, grids, tokens, kinds, true_words, true_pairs)
    if settings.readability == "masks":
        if batch.cell_words is None:
            raise ValueError("mask supervision needs a batch made with masks=True")
        cell_words = torch.from_numpy(batch.cell_words).to(device)
        supervised = torch.tensor(
            [word not in UNMASKED for word in encoder.token_words], device=device
        )
        return mask_readability(
            model.lm_head, vision, tokens, supervised, cell_words, encoder.background
        )
    return torch.zeros((), device=device)


_MOMENTS = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")


@dataclass
class Run:
    """A training run between two steps: the model, its optimisers, and the steps done."""

    model: "Qwen2VLForConditionalGeneration"
    optimizers: tuple[torch.optim.Optimizer, ...]
    settings: Settings
    step: int = 0
    seconds: float = 0.0


def start(settings: Settings, device: str) -> Run:
    """A run at its first step."""
    model: Any = new_model(build_tokenizer(), settings.seed)
    model.to(device).train()
    use_prefix_attention(model)
    return Run(model, _optimizers(model, settings), settings)


def _optimizers(model: torch.nn.Module, settings: Settings) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices of the layers, AdamW for embeddings, head, biases and norms."""
    layers = [
        value
        for name, value in model.named_parameters()
        if value.ndim == 2 and "embed" not in name and "lm_head" not in name
    ]
    inner = {id(value) for value in layers}
    others = [value for value in model.parameters() if id(value) not in inner]
    muon = torch.optim.Muon(
        layers, lr=settings.rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(others, lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.02)
    return muon, adam


def _optimizer_of(run: Run, value: Tensor) -> torch.optim.Optimizer:
    return next(
        optimizer
        for optimizer in run.optimizers
        if any(value is own for group in optimizer.param_groups for own in group["params"])
    )


def advance(run: Run, encoder: Encoder, batch: Batch) -> Tensor:
    """Do one step; returns its answer loss and its readability loss, [2]."""
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(run.settings, run.step)
    said, shown = losses(run.model, encoder, batch, run.settings)
    total: Any = said + run.settings.weight * shown
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    run.step += 1
    return torch.stack([said, shown]).detach()


def save(run: Run, folder: Path) -> None:
    """Write a checkpoint: weights and optimiser as safetensors, the rest as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{kind}:{name}": moment.detach().clone()
        for name, value in run.model.named_parameters()
        for kind, moment in _optimizer_of(run, value).state[value].items()
    }
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
    with torch.no_grad():
        for name, value in run.model.named_parameters():
            value.copy_(tensors[f"weight:{name}"])
            _optimizer_of(run, value).state[value] = {
                kind: tensors[f"{kind}:{name}"].to("cpu" if kind == "step" else device)
                for kind in _MOMENTS
                if f"{kind}:{name}" in tensors
            }
    run.step, run.seconds = int(note["step"]), float(note["seconds"])
    return run


def export(run: Run, folder: Path) -> None:
    """Write the model in float16 with its processor, ready for ``from_pretrained``."""
    build_processor().save_pretrained(folder)
    model: Any = copy.deepcopy(run.model)
    model.half().eval().save_pretrained(folder)


def train(
    settings: Settings, folder: Path, device: str, *, workers: int = 0, every: int = 100
) -> Run:
    """Train to the last step, with a checkpoint every 5 ``every`` steps, and export the model.

    ``workers`` processes make the batches; without any they are made between the steps.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    found = (folder / "checkpoint.safetensors").exists()
    run = resume(settings, folder, device) if found else start(settings, device)
    encoder = Encoder(build_tokenizer())
    sums = torch.zeros(2, device=device)
    began = time.monotonic() - run.seconds
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=settings.steps, completed=run.step)
        for batch in batches(settings, run.step, workers):
            sums += advance(run, encoder, batch)
            run.seconds = time.monotonic() - began
            bar.update(task, completed=run.step)
            if run.step % every == 0:
                said, shown = (sums / every).tolist()
                sums.zero_()
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
    parser.add_argument("--model", choices=sorted(MODELS), default="small")
    parser.add_argument("--out", type=Path, help="folder of checkpoint and model")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--decay", type=int, default=Settings.decay, help="last, cooling steps")
    parser.add_argument(
        "--breadth", type=int, default=Settings.breadth, help="how many times the rows of a batch"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--rate", type=float, default=Settings.rate, help="learning rate")
    parser.add_argument("--readability", choices=["weak", "masks", "none"], help="the model's")
    parser.add_argument("--weight", type=float, default=Settings.weight, help="of readability")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = vars(parser.parse_args(arguments))
    name, device, workers = (given.pop(key) for key in ("model", "device", "workers"))
    folder = given.pop("out") or Path("trained") / name
    given["readability"] = given["readability"] or MODELS[name]
    if device.startswith("cuda"):
        # A GPU waits for launches here, not for arithmetic: TF32 needs none for casts.
        torch.set_float32_matmul_precision("high")
        given["bfloat16"] = False
    run = train(Settings(**given), folder, device, workers=workers)
    summary: dict[str, Any] = {"step": run.step, "seconds": run.seconds, "out": str(folder)}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
