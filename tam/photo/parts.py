"""Reading the language model and the vision tower from the files in their packages."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

ARCHITECTURE = "tf_efficientnet_lite0"
"""The tower's name in timm."""

HEAD = ("classifier.weight", "classifier.bias")
"""timm's names of the tower's classifier, which the multimodal model does not use."""

IMAGE_TOKEN = "<image>"
"""The placeholder of a picture in a prompt."""

_UNUSED_TOKEN = "<empty_output>"
"""A token of the published tokenizer, meant for notebooks. It becomes the image token, so that the
embedding table keeps its size and the language model stays as published."""


def read_language(path: Path) -> tuple[Any, dict[str, torch.Tensor], Any]:
    """Read the configuration, the float32 weights and the tokenizer from a GGUF file.

    transformers does the reading. The chat template is replaced, see :mod:`tam.photo.assembly`.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _quiet(), _read_once():
        module = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    config = module.config.to_dict()
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        config.pop(name, None)
    return config, dict(module.state_dict()), tokenizer


def read_tower(path: Path) -> dict[str, torch.Tensor]:
    """Read the tower's weights, including the classifier, under timm's names.

    The file is the only pickle that the toolkit ever reads: after its hash was checked, and with
    ``weights_only=True``.

    Raises
    ------
    ValueError
        If a tensor does not match timm's name or shape.
    """
    import timm

    published: Mapping[str, torch.Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    wanted = timm.create_model(ARCHITECTURE, pretrained=False).state_dict()
    names = dict(zip(published, wanted, strict=True))
    for old, new in names.items():
        if published[old].shape != wanted[new].shape or old.split(".")[-1] != new.split(".")[-1]:
            raise ValueError(f"{old} is not timm's {new}")
    return {new: published[old] for old, new in names.items()}


def with_image_token(files: Path) -> int:
    """Rename an unused token of a saved tokenizer to the image token, and return its id."""
    import json

    for name in ("tokenizer.json", "tokenizer_config.json"):
        path = files / name
        text = path.read_text(encoding="utf-8").replace(f'"{_UNUSED_TOKEN}"', f'"{IMAGE_TOKEN}"')
        path.write_text(text, encoding="utf-8")
    vocabulary = json.loads((files / "tokenizer.json").read_text(encoding="utf-8"))
    return int(vocabulary["model"]["vocab"][IMAGE_TOKEN])


@contextmanager
def _read_once() -> Iterator[None]:
    """Let gguf parse each file once, and build its table of names once for each kind of model.

    transformers opens the file four times and asks for the table for every module, which takes
    most of the time of reading. It also draws a progress bar that cannot be switched off.
    """
    import gguf
    from transformers import modeling_gguf_pytorch_utils as reading

    reader, table, bar = gguf.GGUFReader, gguf.get_tensor_name_map, vars(reading)["tqdm"]
    vars(gguf).update(GGUFReader=cache(reader), get_tensor_name_map=cache(table))
    vars(reading)["tqdm"] = partial(bar, disable=True)
    try:
        yield
    finally:
        vars(gguf).update(GGUFReader=reader, get_tensor_name_map=table)
        vars(reading)["tqdm"] = bar


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress transformers' progress bar for tensors and its warning about the model's type."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
