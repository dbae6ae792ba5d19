"""A whole training, in a folder with checkpoints from which it can be resumed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tam.errors import InputError
from tam.photo.adapter import save_adapter
from tam.photo.assembly import HEAD_FILE, weights_of
from tam.photo.tower import Tower
from tam.photo.training.alignment import AlignmentSettings, align, drawn_cells
from tam.photo.training.checkpoint import resume, save_checkpoint
from tam.photo.training.evidence import evidence_for
from tam.photo.training.lora import add_lora, load_lora, lora_pairs, lora_weights
from tam.photo.training.pictures import held_out_nouns, validation_nouns
from tam.photo.training.pool import Pool, build_pool, open_pool, save_pool
from tam.photo.training.result import (
    ADAPTER,
    PROJECTOR,
    load_projector,
    save_projector,
    write_model,
)
from tam.photo.training.samples import Sampler
from tam.photo.training.speaking import Material, Progress, SpeakingSettings, speak
from tam.photo.training.start import (
    Projector,
    first_projector,
    name_embedding,
    neutral_embedding,
)
from tam.photo.training.teacher import Teacher, Words, teacher_for
from tam.photo.vocabulary import names
from tam.text.tokenizer import Tokenizer

_CELLS = 16_000
"""The number of cells that standardize the evidence, that samples are made from, and that the
initial weights are fitted to."""
_EMBEDDINGS = "model.language_model.embed_tokens."


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training.

    Parameters
    ----------
    pictures, seed
        The size of the pool, and its seed.
    packages
        The Debian packages whose pictures are used; None for all. By default only those under the
        Apache License.
    alignment, speaking
        The settings of both stages.
    start
        The file of a projector that only the second stage trains on; None for all stages.
    keep_evidence
        Whether the second stage leaves the projector's first layer as it is, which tells what a
        cell shows, and trains only the second layer, which puts it into words.
    lora
        The rank of an adapter that is trained on the language model in the second stage; None for
        a frozen language model.
    start_adapter
        The file of an adapter of that rank to train further; None begins with an untrained one.
    bfloat16
        Whether the language model computes in bfloat16 on a CPU too, which is several times faster
        where the CPU has instructions for it.
    validation
        Whether pictures of the validation nouns are left out too, not only those of the held-out
        nouns.
    """

    pictures: int = 2000
    seed: int = 0
    packages: tuple[str, ...] | None = ("opencv-doc",)
    alignment: AlignmentSettings = field(default_factory=AlignmentSettings)
    speaking: SpeakingSettings = field(default_factory=SpeakingSettings)
    start: str | None = None
    keep_evidence: bool = False
    lora: int | None = None
    start_adapter: str | None = None
    bfloat16: bool = False
    validation: bool = False


def train(
    data: Path,
    model: Path,
    out: Path,
    settings: TrainingSettings,
    tell: Callable[[str], None],
    save_every: int = 50,
    *,
    device: str = "cpu",
    workers: int = 1,
) -> Path:
    """Train a projector and, if wanted, an adapter; resume from a checkpoint in ``out``.

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
    device
        The device to train on. The language model is in bfloat16 on a GPU; on a CPU it is in
        float32 unless the settings say otherwise.
    workers
        Processes that draw pictures. Their number does not change the pictures.

    Returns
    -------
    Path
        The folder of a model with the trained projector, and with the adapter added to its weights
        if one was trained. Both alone are beside it, in ``projector.safetensors`` and
        ``adapter.safetensors``.

    Raises
    ------
    InputError
        If the folder holds a training with other settings, a picture is missing, or the adapter
        to train further does not have the rank.
    SetupError
        If an adapter is wanted and PEFT is not installed.
    """
    if settings.start_adapter is not None and settings.lora is None:
        raise InputError(
            "an adapter to train further needs its rank",
            where=settings.start_adapter,
            remedy="give the rank with which it was trained",
        )
    out.mkdir(parents=True, exist_ok=True)
    _same_settings(out / "settings.json", settings)
    place = torch.device(device)
    tokenizer, embeddings, weight, bias = _published(model, place)
    pool = _pool(data, model, out / "pool.safetensors", settings, tell, place, workers)
    teacher = _teacher(pool, weight, bias, tokenizer, embeddings)
    generator = torch.Generator(place).manual_seed(settings.seed)
    flat = pool.features.flatten(0, 1)
    chosen = torch.randint(len(flat), (_CELLS,), generator=generator, device=place)
    cells = flat[chosen].float()
    sampler = Sampler(cells, weight, bias)
    checkpoint = out / "checkpoint.safetensors"
    projector = Projector(weight.shape[1], embeddings.shape[1]).to(place)
    language = _language(model, place, bfloat16=settings.bfloat16 or place.type != "cpu")
    if settings.lora is not None:
        add_lora(language, settings.lora, settings.seed)
        if settings.start_adapter is not None:
            load_lora(language, Path(settings.start_adapter))
    stored = {f"projector.{name}": weights for name, weights in projector.named_parameters()}
    stored |= lora_weights(language)
    trained = trained_weights(stored, keep_evidence=settings.keep_evidence)
    optimizer = torch.optim.Adam(trained, settings.speaking.rate)
    progress = Progress(0, optimizer)
    if checkpoint.exists():
        resume(checkpoint, stored, progress)
        tell(f"resuming at step {progress.step}")
    elif settings.start is not None:
        load_projector(projector, Path(settings.start))
    else:
        _first_stage(projector, pool, sampler, teacher, cells, settings, generator, tell)
        save_checkpoint(checkpoint, stored, progress)
    report = _mean_loss_reporter("speaking", tell)

    def after(step: int, loss: float) -> None:
        report(step, loss)
        if step % save_every == 0 or step == settings.speaking.steps:
            save_checkpoint(checkpoint, stored, progress)

    material = Material(pool, sampler, teacher)
    speak(projector, language, tokenizer, material, settings.speaking, progress, after)
    save_projector(projector, out / PROJECTOR)
    if settings.lora is not None:
        save_adapter(lora_pairs(language), out / ADAPTER)
    result = out / "model"
    write_model(model, result, projector.state_dict(), lora_pairs(language))
    return result


def trained_weights(
    stored: Mapping[str, torch.nn.Parameter], *, keep_evidence: bool
) -> list[torch.nn.Parameter]:
    """Return the weights that the second stage trains, of those that a checkpoint stores."""
    return [
        weights
        for name, weights in stored.items()
        if not (keep_evidence and name.startswith("projector.linear_1."))
    ]


def _first_stage(
    projector: Projector,
    pool: Pool,
    sampler: Sampler,
    teacher: Teacher,
    cells: torch.Tensor,
    settings: TrainingSettings,
    generator: torch.Generator,
    tell: Callable[[str], None],
) -> None:
    """Compute the initial weights of a projector, and align it, in place."""
    tell("computing the initial weights")
    evidence = evidence_for(pool, teacher.weight, cells, _others(pool))
    fitted = drawn_cells(pool, sampler, _CELLS, settings.alignment.sampled, generator)
    hidden = teacher.words.vectors.shape[1]
    first = first_projector(evidence, pool, teacher, fitted, hidden, settings.seed)
    projector.load_state_dict(first.state_dict())
    report = _mean_loss_reporter("alignment", tell)
    align(projector, pool, sampler, teacher, settings.alignment, report)


def _pool(
    data: Path,
    model: Path,
    path: Path,
    settings: TrainingSettings,
    tell: Callable[[str], None],
    device: torch.device,
    workers: int,
) -> Pool:
    if not path.exists():
        tell(f"drawing {settings.pictures} pictures")
        tower = Tower(model, device)
        pool = build_pool(
            data,
            tower,
            settings.pictures,
            settings.seed,
            left_out=held_out_nouns() | (validation_nouns() if settings.validation else set()),
            packages=settings.packages,
            workers=workers,
        )
        save_pool(pool, path)
    return open_pool(path).to(device)


def _others(pool: Pool) -> list[str]:
    """Return the nouns of the pool that the tower's classifier does not have."""
    known = {name.noun for name in names()}
    return sorted({noun for nouns in pool.nouns for noun in nouns} - known)


def _teacher(
    pool: Pool,
    weight: torch.Tensor,
    bias: torch.Tensor,
    tokenizer: Tokenizer,
    embeddings: torch.Tensor,
) -> Teacher:
    nouns = (*(name.noun for name in names()), *_others(pool))
    vectors = torch.stack([name_embedding(noun, tokenizer, embeddings) for noun in nouns])
    words = Words(nouns, vectors, neutral_embedding(tokenizer, embeddings))
    return teacher_for(weight, bias, names(), words)


def _published(
    model: Path, device: torch.device
) -> tuple[Any, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the tokenizer, the token embeddings, and the tower's classifier."""
    from transformers import AutoTokenizer

    embeddings = weights_of(model, _EMBEDDINGS)["weight"].to(device)
    head = load_file(model / HEAD_FILE)
    weight, bias = (head[f"classifier.{name}"].float().to(device) for name in ("weight", "bias"))
    return AutoTokenizer.from_pretrained(model), embeddings, weight, bias


def _language(model: Path, device: torch.device, *, bfloat16: bool) -> Any:
    """Return the language model without the tower, frozen."""
    from transformers import AutoConfig, LlamaForCausalLM

    language = LlamaForCausalLM(AutoConfig.from_pretrained(model).text_config).eval()
    language.model.load_state_dict(weights_of(model, "model.language_model."))
    language.tie_weights()
    language.requires_grad_(False).to(device)
    if bfloat16:
        # The frequencies of the rotary positions, which are buffers, keep their precision.
        for parameter in language.parameters():
            parameter.data = parameter.data.bfloat16()
    return language


def _same_settings(path: Path, settings: TrainingSettings) -> None:
    written = json.dumps(asdict(settings), indent=2)
    if path.exists() and path.read_text(encoding="utf-8") != written:
        raise InputError(
            "holds a training with other settings",
            where=str(path.parent),
            remedy="name another folder",
        )
    path.write_text(written, encoding="utf-8")


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
