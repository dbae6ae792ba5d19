"""The small model's tokenizer and processor, built offline from this file only.

The tokenizer is a byte-level BPE of a few hundred tokens: any UTF-8 text can be encoded and decoded
without loss. Most words of the scenes are single tokens; ``SPLIT_WORDS`` are several.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.scenes.language import CAPTION_PROMPTS, NUMBERS
from tam.scenes.world import COLORS, SHAPES, SIZES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen2VLProcessor

PATCH_SIZE = 8
TEMPORAL_PATCH_SIZE = 2
MERGE_SIZE = 1
MIN_PIXELS = 256 * PATCH_SIZE**2
MAX_PIXELS = 324 * PATCH_SIZE**2
"""A picture of any size becomes about 256 to 324 vision tokens."""

SPECIAL_TOKENS: tuple[str, ...] = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
SPLIT_WORDS: tuple[str, ...] = ("triangle", "purple")
"""Words of the scenes that get no merges of their own, so each has several tokens."""

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_WORDS = (
    "user assistant system an and are at above below behind before big by bottom color different "
    "different empty from front how image images in is it large left many moves moving no not "
    "object objects of one other picture pictures right same see shape size small still stops "
    "the then there this three to top turn two up video what where which yes you down do does "
    "clip first second third now again background frame "
    "tri pur ple A An The There Yes No It What Where Which How Is Are Describe"
)


def build_tokenizer() -> "PreTrainedTokenizerFast":
    """Build the byte-level BPE: 256 bytes, merges for the scenes' words, and special tokens."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    words = [*_WORDS.split(), *COLORS, *SHAPES, *SIZES, *NUMBERS]
    kept = [word for word in dict.fromkeys(words) if word not in SPLIT_WORDS]
    corpus = [f" {word}" for word in kept] * 3 + kept + [*CAPTION_PROMPTS, "angle"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    fast: PreTrainedTokenizerFast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[
            token for token in SPECIAL_TOKENS if token not in ("<|im_end|>", "<|endoftext|>")
        ],
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def build_processor() -> "Qwen2VLProcessor":
    """Build the real Qwen2-VL processor around the small tokenizer."""
    import transformers

    sizes = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    vision: dict[str, Any] = {
        "patch_size": PATCH_SIZE,
        "temporal_patch_size": TEMPORAL_PATCH_SIZE,
        "merge_size": MERGE_SIZE,
        "size": sizes,
    }
    processor: Qwen2VLProcessor = transformers.Qwen2VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**vision),
        tokenizer=build_tokenizer(),
        video_processor=transformers.Qwen2VLVideoProcessor(
            **vision, min_frames=2, max_frames=32, cap_pixels_per_frame=False
        ),
        chat_template=CHAT_TEMPLATE,
    )
    return processor


def save_processor(folder: Path) -> None:
    """Write the tokenizer, the processor and the chat template into a folder."""
    build_processor().save_pretrained(folder)
