"""Checkpoints of low-rank adapters, such as LoRA, that modify a base model.

Each is a folder or hub id with an ``adapter_config.json``, which names the base model.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.errors import ModelError
from tam.model.missing_tensors import check_tensors
from tam.model.settings_files import check_settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"

# The name under which PEFT registers the adapter in the model.
_NAME = "default"

_OFFLOADED = frozenset(("cpu", "disk"))


def base_model(source: str, revision: str | None) -> str | None:
    """Return the name of an adapter's base model, or None for a checkpoint of a whole model.

    Raises
    ------
    ModelError
        If the adapter does not name a base model, has no safetensors weights, or a settings file is
        damaged.
    """
    from transformers.utils.hub import cached_file

    found = _adapter_config(source, revision)
    if found is None:
        return None
    check_settings(source, revision)
    base = json.loads(Path(found).read_text("utf-8")).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelError(
            "adapter_config.json does not name a model (base_model_name_or_path)",
            where=source,
            remedy="load the model, put the adapter on it, and give both to tam.wrap",
        )
    try:
        cached_file(source, _WEIGHTS, revision=revision)
    except OSError as error:
        raise ModelError(
            f"the adapter has no {_WEIGHTS}, and pickled weights are not read",
            where=source,
            remedy="save it again with safetensors",
        ) from error
    return base


def _adapter_config(source: str, revision: str | None) -> str | None:
    """Return the path of an adapter's configuration, or None for a checkpoint of a whole model.

    Raises
    ------
    OSError
        If the hub is unreachable and no file of the model is on this machine; raised after the
        retries for one file, so that they are not repeated for the others.
    """
    from huggingface_hub import try_to_load_from_cache
    from transformers.utils.hub import cached_file

    folder = Path(source)
    if folder.is_dir():
        return str(folder / _CONFIG) if (folder / _CONFIG).is_file() else None
    try:
        found: str | None = cached_file(source, _CONFIG, revision=revision)
    except OSError as error:
        known = try_to_load_from_cache(source, "config.json", revision=revision)
        if "connect" in str(error) and not isinstance(known, str):
            raise
        return None
    return found


def put_on(module: "PreTrainedModel", source: str, revision: str | None) -> None:
    """Apply the adapter in a checkpoint to its base model.

    PEFT loads it, because transformers' own loader drops tensors that it does not recognize, such
    as the magnitudes of DoRA.

    Raises
    ------
    ModelError
        If the adapter lacks tensors, or has tensors that match nothing in the model.
    """
    import peft

    pinned: dict[str, Any] = {"revision": revision} if revision else {}
    config = peft.PeftConfig.from_pretrained(source, **pinned)
    if config.is_prompt_learning:
        raise ModelError(
            f"{config.peft_type} adds tokens to the prompt, which are neither words nor a picture",
            where=source,
            remedy="use an adapter that changes the layers, such as LoRA",
        )
    if len({str(place) for place in getattr(module, "hf_device_map", {}).values()} & _OFFLOADED):
        raise ModelError(
            "an adapter cannot be put on a model that is partly kept on the CPU or on disk",
            where=source,
            remedy="merge the adapter into the model (merge_and_unload), or use one device",
        )
    config.inference_mode = True
    wrapped = peft.PeftModel(module, config, _NAME)
    weights = peft.load_peft_weights(source, device="cpu", **pinned)
    found: Any = peft.set_peft_model_state_dict(wrapped, weights, adapter_name=_NAME)
    # The tensors that PEFT would save, because its own list of missing keys omits biases.
    saved = peft.get_peft_model_state_dict(wrapped, adapter_name=_NAME, save_embedding_layers=False)
    missing = sorted(set(saved) - set(weights))
    check_tensors(source, missing, found.unexpected_keys)
    module.eval()


def unwrapped(module: "PreTrainedModel") -> Any:
    """Return the model inside PEFT's wrapper, with its adapter layers in place."""
    inner = getattr(module, "get_base_model", None)
    return module if inner is None else inner()
