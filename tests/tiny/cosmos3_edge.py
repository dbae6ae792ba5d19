"""A tiny checkpoint of Cosmos 3 Edge."""

from collections.abc import Callable
from pathlib import Path

from transformers import (
    Cosmos3EdgeConfig,
    Cosmos3EdgeForConditionalGeneration,
    Cosmos3EdgeImageProcessor,
    Cosmos3EdgeProcessor,
    Cosmos3EdgeVideoProcessor,
)

from tests.tiny.parts import (
    HIDDEN,
    byte_tokenizer,
    chat_template,
    language_model_sizes,
    save,
    seeded,
    token_id,
)

CELL = 32
_MARKERS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


def tiny_cosmos3_edge(folder: Path) -> Path:
    """Write a random Cosmos 3 Edge of two layers; a picture has at most 64 tokens."""
    tokenizer = byte_tokenizer(markers=_MARKERS)
    text = {
        **language_model_sizes(tokenizer),
        "head_dim": 16,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [4, 2, 2],
        },
    }
    vision = {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    names = ("vision_start", "vision_end", "image", "video")
    config = Cosmos3EdgeConfig(
        text_config=text,
        vision_config=vision,
        projector_hidden_size=2 * HIDDEN,
        **{
            f"{name}_token_id": token_id(tokenizer, marker)
            for name, marker in zip(names, _MARKERS, strict=True)
        },
    )
    with seeded():
        model = Cosmos3EdgeForConditionalGeneration(config)
    size = {"shortest_edge": CELL**2, "longest_edge": 64 * CELL**2}
    processor = Cosmos3EdgeProcessor(
        image_processor=Cosmos3EdgeImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=Cosmos3EdgeVideoProcessor(size=size, do_sample_frames=False),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>", "<|video_pad|>"),
    )
    return save(folder, model, processor)


BUILDERS: dict[str, Callable[[Path], Path]] = {"cosmos3_edge": tiny_cosmos3_edge}
