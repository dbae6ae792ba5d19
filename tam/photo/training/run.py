"""A whole training, in a folder with checkpoints from which it can be resumed."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tam.errors import InputError
from tam.photo.tower import Tower
from tam.photo.training.alignment import AlignmentSettings, Words, align
from tam.photo.training.evidence import Evidence, evidence_for
from tam.photo.training.pool import Pool, build_pool, open_pool, save_pool
from tam.photo.training.samples import Sampler
from tam.photo.training.speaking import Material, Progress, SpeakingSettings, speak
from tam.photo.training.start import (
    Projector,
    first_projector,
    name_embedding,
    neutral_embedding,
)
from tam.photo.vocabulary import names
from tam.text.tokenizer import Tokenizer

_CELLS = 8000
"""The number of cells that standardize the evidence and from which samples are made."""
_MARGIN = 4.0
"""The margin by which the tower's classifier prefers the class of a sample."""
_EMBEDDINGS = "model.language_model.embed_tokens.weight"


@dataclass(frozen=True)
class TrainingSettings:
    """The size of the pool, its seed, and the settings of both stages."""

    pictures: int = 4000
    seed: int = 0
    alignment: AlignmentSettings = field(default_factory=AlignmentSettings)
    speaking: SpeakingSettings = field(default_factory=SpeakingSettings)


def train(
    data: Path,
    model: Path,
    out: Path,
    settings: TrainingSettings,
    tell: Callable[[str], None],
    save_every: int = 5,
) -> Path:
    """Train a projector, resuming from the checkpoint in ``out`` if there is one.

    Parameters
    ----------
    data
        The unpacked Debian packages, see :func:`tam.photo.training.pictures.read_pictures`.
    model
        An assembled photo model; its projector is not used.
    out
        Folder for the pool, the checkpoint and the result. Each training needs its own folder.
    settings
        The settings of the training.
    tell
        Called with progress messages.
    save_every
        Steps between checkpoints of the second stage.

    Returns
    -------
    Path
        The file of the projector, in float16.

    Raises
    ------
    InputError
        If the folder holds a training with other settings, or a picture is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    _same_settings(out / "settings.json", settings)
    tokenizer, embeddings, classifier = _published(model)
    pool = _pool(data, model, out / "pool.safetensors", settings, tell)
    material, evidence = _material(pool, classifier, tokenizer, embeddings, settings.seed)
    checkpoint = out / "checkpoint.safetensors"
    projector = Projector(classifier.shape[1], embeddings.shape[1])
    optimizer = torch.optim.Adam(projector.parameters(), settings.speaking.rate)
    progress = Progress(0, optimizer)
    if checkpoint.exists():
        _resume(checkpoint, projector, progress)
        tell(f"resuming at step {progress.step}")
    else:
        tell("computing the initial weights")
        first = first_projector(
            evidence, pool, material.sampler, tokenizer, embeddings, settings.seed
        )
        projector.load_state_dict(first.state_dict())
        align(
            projector,
            pool,
            material.sampler,
            material.classes,
            material.words,
            settings.alignment,
            _mean_loss_reporter("alignment", tell),
        )
        _save(checkpoint, projector, progress)
    report = _mean_loss_reporter("speaking", tell)

    def after(step: int, loss: float) -> None:
        report(step, loss)
        if step % save_every == 0 or step == settings.speaking.steps:
            _save(checkpoint, projector, progress)

    language = _language(model)
    speak(projector, language, tokenizer, material, settings.speaking, progress, after)
    result = out / "projector.safetensors"
    save_file({n: w.half().contiguous() for n, w in projector.state_dict().items()}, result)
    return result


def _pool(
    data: Path, model: Path, path: Path, settings: TrainingSettings, tell: Callable[[str], None]
) -> Pool:
    if not path.exists():
        tell(f"drawing {settings.pictures} pictures")
        save_pool(build_pool(data, Tower(model), settings.pictures, settings.seed), path)
    return open_pool(path)


def _material(
    pool: Pool, classifier: torch.Tensor, tokenizer: Tokenizer, embeddings: torch.Tensor, seed: int
) -> tuple[Material, Evidence]:
    """Return the training material of both stages, and the evidence for the initial weights."""
    generator = torch.Generator().manual_seed(seed)
    flat = pool.features.flatten(0, 1)
    cells = flat[torch.randperm(len(flat), generator=generator)[:_CELLS]].float()
    classes = {name.noun: name.classes for name in names() if name.has_unit}
    evidence = evidence_for(pool, classifier, cells)
    nouns = evidence.nouns
    vectors = torch.stack([name_embedding(noun, tokenizer, embeddings) for noun in nouns])
    words = Words(nouns, vectors, neutral_embedding(tokenizer, embeddings))
    sampler = Sampler(cells, classifier, _MARGIN)
    return Material(pool, sampler, dict(classes), words), evidence


def _published(model: Path) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Return the tokenizer, the token embeddings and the weights of the tower's classifier."""
    from transformers import AutoTokenizer

    with safe_open(model / "model.safetensors", "pt") as file:
        embeddings: torch.Tensor = file.get_tensor(_EMBEDDINGS).float()
    classifier = load_file(model / "tower_head.safetensors")["classifier.weight"].float()
    return AutoTokenizer.from_pretrained(model), embeddings, classifier


def _language(model: Path) -> Any:
    """Return the language model without the tower, in float32 and frozen."""
    from transformers import AutoConfig, LlamaForCausalLM

    language = LlamaForCausalLM(AutoConfig.from_pretrained(model).text_config).eval()
    prefix = "model.language_model."
    with safe_open(model / "model.safetensors", "pt") as file:
        names_ = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        weights = {name.removeprefix(prefix): file.get_tensor(name).float() for name in names_}
    language.model.load_state_dict(weights)
    language.tie_weights()
    return language.requires_grad_(False)


def _same_settings(path: Path, settings: TrainingSettings) -> None:
    written = json.dumps(asdict(settings), indent=2)
    if path.exists() and path.read_text(encoding="utf-8") != written:
        raise InputError(
            "holds a training with other settings",
            where=str(path.parent),
            remedy="name another folder",
        )
    path.write_text(written, encoding="utf-8")


def _save(path: Path, projector: Projector, progress: Progress) -> None:
    """Write a checkpoint atomically: the weights, the state of Adam, and the step."""
    tensors = {f"projector.{n}": w.contiguous() for n, w in projector.state_dict().items()}
    for index, state in progress.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = value.contiguous()
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, {"step": str(progress.step)})
    temporary.replace(path)


def _resume(path: Path, projector: Projector, progress: Progress) -> None:
    with safe_open(path, "pt") as file:
        progress.step = int((file.metadata() or {})["step"])
    tensors = load_file(path)
    projector.load_state_dict(
        {n.removeprefix("projector."): w for n, w in tensors.items() if n.startswith("projector.")}
    )
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = tensor
    whole = progress.optimizer.state_dict()
    progress.optimizer.load_state_dict(whole | {"state": state})


def _mean_loss_reporter(
    stage: str, tell: Callable[[str], None], every: int = 10
) -> Callable[[int, float], None]:
    """Return a function that reports the mean loss of every ten steps."""
    losses: list[float] = []

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if len(losses) == every:
            tell(f"{stage} {step}: loss {sum(losses) / every:.3f}")
            losses.clear()

    return report
