"""Load a :class:`tam.model.model.Model` from a hub id or a folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.errors import ModelError, SetupError
from tam.families.checkpoint import Checkpoint
from tam.families.processor import Processor
from tam.families.registry import adapter_for
from tam.model.assembled import QUESTIONS, default_model
from tam.model.bars import download_bars_alone
from tam.model.lora import base_model, put_on, unwrapped
from tam.model.missing_tensors import loading_notes
from tam.model.model import Model
from tam.model.processes import check_split, check_whole, splitting
from tam.model.provenance import versions
from tam.model.quantisation import quantisation_of
from tam.model.reading import plain_config, quiet, reading, source_of, told_name
from tam.model.shipped import KNOWS, SHIPPED
from tam.resolver import uncollected

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@download_bars_alone()
@uncollected()
def load(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    device_map: Any = None,
    dtype: Any = None,
    load_in: str | None = None,
    allow_missing: bool = False,
    tp_plan: Any = None,
    **options: Any,
) -> Model:
    """Load a model with its processor, and find the adapter of its family.

    Parameters
    ----------
    model
        ``"photo"`` (see ``tam get photo``), ``"small"`` (which ships with the package), or the hub
        id or folder of a model or of an adapter such as LoRA, which is applied to the base model
        that it names. The default is :func:`tam.model.assembled.default_model`.
    revision
        Branch, tag or commit of a hub model.
    device_map
        Passed to transformers: ``"auto"`` spreads the model over GPUs, CPU memory and disk. By
        default the model goes to the GPU if there is one and to the CPU otherwise.
    dtype
        ``"auto"`` (as stored), ``"float32"``, ``"bfloat16"`` or ``"float16"``. The default is the
        stored dtype on a GPU and float32 on a CPU.
    load_in
        ``"8bit"`` or ``"4bit"``: quantise with bitsandbytes.
    allow_missing
        Load a checkpoint even if tensors of the model are missing from it or have a different
        shape. These are then initialized randomly, which the provenance records.
    tp_plan
        ``"auto"`` splits every layer across the processes that ``torchrun`` has started.
    **options
        Passed to ``from_pretrained``. ``trust_remote_code=True`` runs code from the
        checkpoint; it requires a ``revision``, so that the code cannot change unnoticed.

    Raises
    ------
    ModelError
        If the model is unknown, refused or cannot be read, or its checkpoint lacks tensors.
    SetupError
        If a package or the network is missing.
    ResourceError
        If the model does not fit into memory.
    """
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForMultimodalLM,
        AutoProcessor,
    )

    name = default_model() if model is None else str(model)
    source = source_of(name)
    _check_dtype(dtype)
    _check_devices(device_map)
    remote_code = _remote_code(bool(options.pop("trust_remote_code", False)), revision)
    pinned = {"trust_remote_code": remote_code} | ({"revision": revision} if revision else {})
    with quiet():
        with reading(name, "its configuration"):
            tuned, source = source, base_model(source, revision) or source
            if tuned != source:
                pinned = {}  # the revision is the adapter's, not the base model's
            # The plain file names the family before any code from the checkpoint runs.
            plain = plain_config(source, pinned)
            adapter = adapter_for(plain)
            config = adapter.explained(AutoConfig.from_pretrained(source, **pinned))
            adapter.check(config)
            split = splitting(tp_plan, config, device_map)
        on_gpu = torch.cuda.is_available()
        with reading(name, "its weights"):
            module, loaded = AutoModelForMultimodalLM.from_pretrained(
                source,
                config=config,
                dtype=dtype or ("auto" if on_gpu or load_in else "float32"),
                device_map=device_map or ("cuda:0" if on_gpu and not split else None),
                use_safetensors=True,
                # Such tensors are reported by name below, together with missing ones.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **_quantisation(load_in),
                **split,
                **pinned,
                **options,
            )
            module.eval()
            notes = loading_notes(source, loaded, allow_missing=allow_missing)
            check_four_bits(module)
            if split:
                check_split(module)
        with reading(name, "its processor"):
            processor = AutoProcessor.from_pretrained(source, **pinned)
        if tuned != source:
            with reading(name, "its adapter"):
                put_on(module, tuned, revision)
    provenance = {
        "model": told_name(name),
        "adapter_of": told_name(source) if tuned != source else None,
        "revision": revision or getattr(config, "_commit_hash", None),
        "family": adapter.family,
        "dtype": str(module.dtype).removeprefix("torch."),
        "quantisation": load_in or quantisation_of(module),
        "versions": versions(),
    }
    if notes:
        provenance["notes"] = notes
    if name in SHIPPED:
        provenance["knows"] = KNOWS
    if name in QUESTIONS:
        provenance["questions"] = list(QUESTIONS[name])
    return Model(Checkpoint(module, processor, adapter, provenance))


def wrap(module: "PreTrainedModel", processor: Processor) -> Model:
    """Make a :class:`Model` from a loaded transformers model, such as a fine-tuned or compiled one.

    Parameters
    ----------
    module
        A transformers model, possibly inside PEFT's wrapper. It is put into evaluation mode.
    processor
        Its processor.

    Raises
    ------
    ModelError
        If no adapter supports its family, or it is wrapped for data parallel training.
    """
    import torch

    if isinstance(module, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
        raise ModelError(
            "a model that runs as copies on several devices cannot be followed",
            where=type(module).__name__,
            remedy="give the model inside it (its .module)",
        )
    check_whole(module)
    module = unwrapped(module).eval()
    adapter = adapter_for(module.config)
    explained = adapter.explained(module.config)
    parts: Iterable[Any] = module.modules()
    module = next(part for part in parts if getattr(part, "config", None) is explained)
    adapter.check(module.config)
    provenance = {
        "model": told_name(module.config.name_or_path or type(module).__name__),
        "revision": getattr(module.config, "_commit_hash", None),
        "family": adapter.family,
        "dtype": str(module.dtype).removeprefix("torch."),
        "quantisation": quantisation_of(module),
        "versions": versions(),
    }
    return Model(Checkpoint(module, processor, adapter, provenance))


_SPREADS = frozenset(("auto", "balanced", "balanced_low_0", "sequential"))


def _check_dtype(dtype: Any) -> None:
    import torch

    named = getattr(torch, dtype, None) if isinstance(dtype, str) and dtype != "auto" else dtype
    known = isinstance(named, torch.dtype) and named.is_floating_point
    if isinstance(dtype, str | torch.dtype) and dtype != "auto" and not known:
        raise ModelError(
            f"models do not compute in {str(dtype)!r}",
            where="dtype",
            remedy="use auto, float32, bfloat16 or float16",
        )


def _check_devices(device_map: Any) -> None:
    """Refuse unknown devices and devices that this machine does not have."""
    import torch

    values = device_map.values() if isinstance(device_map, Mapping) else [device_map]
    for value in values:
        if value is None or value == "disk" or value in _SPREADS:
            continue
        try:
            device = torch.device(value)
        except (RuntimeError, TypeError) as error:
            raise ModelError(
                f"{str(value)!r} is not a device",
                where="device_map",
                remedy="use auto, cpu, or a device such as cuda:0",
            ) from error
        absent = {
            "cuda": (device.index or 0) >= torch.cuda.device_count(),
            "mps": not torch.backends.mps.is_available(),
        }
        if absent.get(device.type, False):
            raise SetupError(
                f"this machine has no device {str(value)!r}",
                where="device_map",
                remedy="leave it out to use the devices that 'tam doctor' lists",
            )


def _remote_code(wanted: bool, revision: str | None) -> bool:
    if wanted and not revision:
        raise ModelError(
            "code from a checkpoint is run at a pinned revision only",
            where="trust_remote_code",
            remedy="give the commit's hash as the revision",
        )
    return wanted


def _quantisation(load_in: str | None) -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    if load_in is None:
        return {}
    if load_in not in ("8bit", "4bit"):
        raise ModelError(
            f"unknown quantisation {load_in!r}", where="load_in", remedy="use '8bit' or '4bit'"
        )
    return {"quantization_config": BitsAndBytesConfig(**{f"load_in_{load_in}": True})}


def check_four_bits(module: "PreTrainedModel") -> None:
    """Refuse layers whose 4-bit weights bitsandbytes computes incorrectly on a CPU.

    Each block of 64 numbers shares a scale. If the row length is not a multiple of 64, the fast CPU
    kernel cannot pack the layer, and the plain one silently uses the wrong scales: the weights are
    off by a quarter, whereas correct 4-bit rounding is off by a tenth.

    Raises
    ------
    ModelError
        If a layer's width is not a multiple of 64.
    """
    for name, layer in module.named_modules():
        weight: Any = getattr(layer, "weight", None)
        packed = hasattr(weight, "quant_state") and weight.device.type == "cpu"
        if packed and layer.in_features % 64:
            raise ModelError(
                f"4-bit weights on a CPU need widths that are multiples of 64, {name} is "
                f"{layer.in_features} wide",
                where="load_in",
                remedy="use '8bit', or a GPU",
            )
