"""``python -m tam.scenes.training.train --model small`` trains the small models on scenes.

`small` and `small-masks` are trained as a whole, by the loss of the answers (captions and answers
to questions) plus a readability loss at the vision positions: ``weak`` (`small`) uses only which
words are true of a picture, ``masks`` (`small-masks`) also where they are. `small-aligned` has no
such loss and is trained in phases (`tam.scenes.training.phases`): a language model on text only, a
vision tower on single objects, and finally only the tower, by the answers of the frozen language
model. The first two phases are independent and may run at the same time (``--phase``).

Pictures grow during a run (`tam.scenes.training.curriculum`). Every batch is a function of the
seed and the step only, so a resumed run is the same as one that was not interrupted, given the same
device and number of threads.

The shipped weights come from one run each, from seed 0 with the settings of
`tam.scenes.training.curriculum.RECIPES`. The first two models were trained at the same time on one
H100 with 16 CPU cores and ``--workers 5`` (torch 2.11, transformers 5.17), in TF32:

- `small`: 7000 steps, 684070 pictures (a clip counts as one), 13 minutes. The time on that machine
  did not allow all 7500 steps; the learning rate had fallen to 11 % of its peak.
- `small-masks`: all 7500 steps, 724420 pictures, 13 minutes.

The third was trained on two CPU cores, in bfloat16:

- `small-aligned`, language: 3000 steps, 52256 pictures as text, 40 minutes, the first 1500 steps on
  one core; tower: 3500 steps, 224000 pictures, 19 minutes on the other core; alignment: 7000 steps,
  121198 pictures, 67 minutes on both.

All but the last were interrupted once, which repeats up to 500 steps and changes nothing else. Sums
on a GPU differ from run to run, and those on a CPU with the number of threads, so repeating a run
gives similar but not bitwise equal weights. No mask was used for `small` at any time, nor for the
pictures that `small-aligned` saw; the text that its language model read was made from masks.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from tam.errors import ended_in_one_line
from tam.scenes.batch import Batch, Encoder
from tam.scenes.tokens import build_processor, build_tokenizer
from tam.scenes.training.curriculum import RECIPES, Settings, batches, learning_rate
from tam.scenes.training.losses import use_prefix_attention
from tam.scenes.training.network import new_model
from tam.scenes.training.phases import is_trained, losses

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration


MODELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "small": ("weak", ("whole",)),
    "small-masks": ("masks", ("whole",)),
    "small-aligned": ("none", ("language", "tower", "alignment")),
}
"""The readability loss and the phases of each shipped model."""


CHECKPOINT = "checkpoint.safetensors"
"""The checkpoint that a run writes into its folder and resumes from."""

_MOMENTS = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")


@dataclass
class Run:
    """A training run between two steps: the model, its optimizers, and the steps done."""

    model: "Qwen2VLForConditionalGeneration"
    optimizers: tuple[torch.optim.Optimizer, ...]
    settings: Settings
    step: int = 0
    seconds: float = 0.0


def start(settings: Settings, device: str, earlier: Sequence[Path] = ()) -> Run:
    """Return a run at its first step, with the weights that the runs in ``earlier`` trained."""
    model: Any = new_model(build_tokenizer(), settings.seed)
    for folder in earlier:
        _copy_trained(model, folder)
    model.to(device).train()
    use_prefix_attention(model)
    for name, value in model.named_parameters():
        value.requires_grad_(is_trained(settings.phase, name))
    return Run(model, _optimizers(model, settings), settings)


def _copy_trained(model: torch.nn.Module, folder: Path) -> None:
    """Copy the weights that the run in a folder trained into a model."""
    tensors, note = _read(folder, "cpu")
    with torch.no_grad():
        for name, value in model.named_parameters():
            if is_trained(note["phase"], name):
                value.copy_(tensors[f"weight:{name}"])


def _optimizers(model: torch.nn.Module, settings: Settings) -> tuple[torch.optim.Optimizer, ...]:
    """Return Muon for the layers' matrices, and AdamW for embeddings, head, biases and norms."""
    trained = [item for item in model.named_parameters() if item[1].requires_grad]
    layers = [
        value
        for name, value in trained
        if value.ndim == 2 and "embed" not in name and "lm_head" not in name
    ]
    inner = {id(value) for value in layers}
    others = [value for _, value in trained if id(value) not in inner]
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
    """Do one step and return its two losses, [2]; see `tam.scenes.training.phases.losses`."""
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(run.settings, run.step)
    both = torch.stack(losses(run.model, encoder, batch, run.settings))
    total: Any = both.sum()
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    run.step += 1
    return both.detach()


def save(run: Run, folder: Path) -> None:
    """Write a checkpoint: one safetensors file with weights, optimizer states and progress."""
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{kind}:{name}": moment.detach().clone()
        for name, value in run.model.named_parameters()
        if value.requires_grad
        for kind, moment in _optimizer_of(run, value).state[value].items()
    }
    weights = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    note = {
        "phase": run.settings.phase,
        "step": str(run.step),
        "seconds": str(run.seconds),
    }
    # The file is renamed into place, so an interruption never leaves a partial checkpoint.
    partial = folder / "checkpoint.partial"
    save_file({**{f"weight:{k}": v for k, v in weights.items()}, **moments}, partial, note)
    partial.replace(folder / CHECKPOINT)


def _read(folder: Path, device: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a folder's checkpoint, and its metadata."""
    path = folder / CHECKPOINT
    with safe_open(path, "pt") as opened:
        note = opened.metadata()
    return load_file(path, device=device), note


def resume(settings: Settings, folder: Path, device: str) -> Run:
    """Return the run that a folder's checkpoint holds."""
    run = start(settings, device)
    tensors, note = _read(folder, device)
    with torch.no_grad():
        for name, value in run.model.named_parameters():
            value.copy_(tensors[f"weight:{name}"])
            if value.requires_grad:
                _optimizer_of(run, value).state[value] = {
                    kind: tensors[f"{kind}:{name}"].to("cpu" if kind == "step" else device)
                    for kind in _MOMENTS
                    if f"{kind}:{name}" in tensors
                }
    run.step, run.seconds = int(note["step"]), float(note["seconds"])
    return run


def export(run: Run, folder: Path) -> None:
    """Write the model in float16 with its processor, in the format of ``from_pretrained``."""
    build_processor().save_pretrained(folder)
    model: Any = copy.deepcopy(run.model)
    model.half().eval().save_pretrained(folder)


def train(
    settings: Settings,
    folder: Path,
    device: str,
    *,
    earlier: Sequence[Path] = (),
    workers: int = 0,
    every: int = 100,
) -> Run:
    """Train to the last step, with a checkpoint every 5 · ``every`` steps, and export the model.

    ``earlier`` are the folders of the runs whose weights it begins with. ``workers`` processes make
    the batches; with 0 they are made between the steps.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    found = (folder / CHECKPOINT).exists()
    run = resume(settings, folder, device) if found else start(settings, device, earlier)
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
                first, second = (sums / every).tolist()
                sums.zero_()
                print(
                    f"{settings.phase}, step {run.step} of {settings.steps}: losses {first:.3f} "
                    f"and {second:.3f}, {run.seconds / 60:.1f} minutes",
                    file=sys.stderr,
                    flush=True,
                )
            if run.step % (5 * every) == 0 or run.step == settings.steps:
                save(run, folder)
    export(run, folder / "model")
    return run


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, train, and print a JSON summary of each phase."""
    parser = argparse.ArgumentParser(
        prog="python -m tam.scenes.training.train", description=__doc__
    )
    parser.add_argument("--model", choices=sorted(MODELS), default="small")
    parser.add_argument("--phase", choices=sorted(RECIPES), help="train only this phase")
    parser.add_argument("--out", type=Path, help="folder that gets a folder for each phase")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--decay", type=int, help="number of final steps with a falling rate")
    parser.add_argument("--breadth", type=int, help="factor for the rows of a batch")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--rate", type=float, help="learning rate")
    parser.add_argument("--readability", choices=["weak", "masks", "none"], help="readability loss")
    parser.add_argument("--weight", type=float, help="weight of the readability loss")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = vars(parser.parse_args(arguments))
    name, only, device, workers = (given.pop(k) for k in ("model", "phase", "device", "workers"))
    folder = given.pop("out") or Path("trained") / name
    readability, phases = MODELS[name]
    if only is not None and only not in phases:
        parser.error(f"{name} has the phases {', '.join(phases)}")
    changes = {"readability": readability} | {k: v for k, v in given.items() if v is not None}
    if device.startswith("cuda"):
        # Kernel launches limit the speed on a GPU, and TF32, unlike bfloat16, needs none for casts.
        torch.set_float32_matmul_precision("high")
        changes["bfloat16"] = False
    for number, phase in enumerate(phases):
        last = phase == phases[-1]
        if only in (None, phase):
            # The last phase starts from the results of all others, which are independent.
            earlier = [folder / before for before in phases[:number]] if last else []
            missing = [str(item) for item in earlier if not (item / CHECKPOINT).exists()]
            if missing:
                parser.error(f"{phase} begins with {' and '.join(missing)}, which does not exist")
            settings, own = replace(RECIPES[phase], **changes), folder / phase
            run = train(settings, own, device, earlier=earlier, workers=workers)
            summary = {"phase": phase, "step": run.step, "seconds": run.seconds, "out": str(own)}
            print(json.dumps(summary))


if __name__ == "__main__":
    with ended_in_one_line():
        main()
