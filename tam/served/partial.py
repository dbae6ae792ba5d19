"""Partially loaded checkpoints: only the final norm and the LM head are read."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tam.errors import ModelError
from tam.families.checkpoint import Checkpoint
from tam.families.registry import adapter_for
from tam.model.lora import base_model
from tam.model.provenance import versions
from tam.model.reading import plain_config, quiet, reading, source_of, told_name
from tam.model.shipped import KNOWS, SHIPPED
from tam.replay.layers import final_norm

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_INDEX, _WEIGHTS = "model.safetensors.index.json", "model.safetensors"


def load_ends(
    name: str | Path, *, revision: str | None = None, dtype: str | None = None
) -> Checkpoint:
    """Load a model's processor, final norm and LM head; other weights take no memory.

    Parameters
    ----------
    name
        ``"small"``, ``"photo"``, a hub id, or a folder. Only the files of a checkpoint that contain
        these weights are fetched.
    revision
        Branch, tag or commit of a hub model.
    dtype
        ``"auto"`` (as stored), ``"float32"`` (the default), ``"bfloat16"`` or ``"float16"``.

    Raises
    ------
    ModelError
        If the model is unknown, refused or cannot be read, or its head is quantised.
    """
    from transformers import AutoConfig, AutoModelForMultimodalLM, AutoProcessor, GenerationConfig

    name = str(name)
    source = source_of(name)
    pinned: dict[str, Any] = {"revision": revision} if revision else {}
    with quiet():
        with reading(name, "its configuration"):
            if base_model(source, revision) is not None:
                raise ModelError(
                    "is an adapter for another model",
                    where=name,
                    remedy="merge it into that model, as the engine must have done, and give the "
                    "merged model",
                )
            adapter = adapter_for(plain_config(source, pinned))
            config = adapter.explained(AutoConfig.from_pretrained(source, **pinned))
            adapter.check(config)
            wanted = config.dtype if dtype == "auto" else getattr(torch, dtype or "float32", None)
            if not isinstance(wanted, torch.dtype):
                raise ModelError(
                    f"{dtype!r} is not a dtype that models compute in",
                    where="dtype",
                    remedy="use auto, float32, bfloat16 or float16",
                )
            with torch.device("meta"):
                module = AutoModelForMultimodalLM.from_config(config, dtype=wanted).eval()
            with suppress(OSError):  # if there is none, the model's configuration is enough
                module.generation_config = GenerationConfig.from_pretrained(source, **pinned)
        with reading(name, "its final norm and LM head"):
            for part in (final_norm(module, adapter), adapter.lm_head(module)):
                _fill(module, part, source, pinned)
        with reading(name, "its processor"):
            processor = AutoProcessor.from_pretrained(source, **pinned)
    provenance: dict[str, Any] = {
        "model": told_name(name),
        "adapter_of": None,
        "revision": revision or getattr(config, "_commit_hash", None),
        "family": adapter.family,
        "dtype": str(wanted).removeprefix("torch."),
        "quantisation": None,
        "versions": versions(),
    }
    if name in SHIPPED:
        provenance["knows"] = KNOWS
    return Checkpoint(module, processor, adapter, provenance)


def _fill(
    model: "PreTrainedModel", part: nn.Module, source: str, pinned: Mapping[str, Any]
) -> None:
    """Read the tensors of one part of a model that is on the meta device."""
    from safetensors import safe_open

    path = next(name for name, module in model.named_modules() if module is part)
    files = _files(source, pinned)
    stored = _stored_names(model, files)
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    loaded = {}
    for name, value in part.named_parameters():
        full = f"{path}.{name}"
        key = stored.get(full) or stored.get(tied.get(full, ""))
        if key is None:
            raise ModelError(
                f"the checkpoint has no plain tensor {full}",
                where=source,
                remedy="use the checkpoint before quantisation; the engine may run the quantised "
                "one",
            )
        with safe_open(_fetched(source, files[key], pinned), framework="pt") as tensors:
            tensor = tensors.get_tensor(key)
        if tensor.shape != value.shape or not tensor.is_floating_point():
            raise ModelError(
                f"tensor {key} is {tensor.dtype} {list(tensor.shape)}, not a floating-point "
                f"{list(value.shape)} without quantisation",
                where=source,
                remedy="use the checkpoint that this one was quantised from",
            )
        loaded[name] = tensor.to(value.dtype)
    part.load_state_dict(loaded, assign=True)


def _files(source: str, pinned: Mapping[str, Any]) -> dict[str, str]:
    """Return the file of each tensor of a checkpoint, without fetching large files if sharded."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    index: str | None = cached_file(
        source, _INDEX, _raise_exceptions_for_missing_entries=False, **pinned
    )
    if index is not None:
        names = json.loads(Path(index).read_text("utf-8"))["weight_map"]
        return {str(key): str(file) for key, file in names.items()}
    with safe_open(_fetched(source, _WEIGHTS, pinned), framework="pt") as tensors:
        return dict.fromkeys(tensors.keys(), _WEIGHTS)


def _fetched(source: str, file: str, pinned: Mapping[str, Any]) -> str:
    from transformers.utils.hub import cached_file

    # The result is None only if missing files are allowed.
    path: Any = cached_file(source, file, **pinned)
    return str(path)


def _stored_names(model: "PreTrainedModel", keys: Mapping[str, str]) -> dict[str, str]:
    """Return the checkpoint's name for each tensor of the model that is stored unchanged.

    Checkpoints keep the names of the transformers release that wrote them; the installed release
    maps them to its own.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import (
        WeightConverter,
        WeightRenaming,
        rename_source_key,
    )

    mapping = get_model_conversion_mapping(model) or []
    renamings = [entry for entry in mapping if isinstance(entry, WeightRenaming)]
    others = [entry for entry in mapping if isinstance(entry, WeightConverter)]
    meta = model.state_dict()
    stored: dict[str, str] = {}
    for key in keys:
        new, converted = rename_source_key(key, renamings, others, model.base_model_prefix, meta)
        if new not in meta and key in meta:
            new = key
        if converted is None:
            stored.setdefault(new, key)
    return stored
