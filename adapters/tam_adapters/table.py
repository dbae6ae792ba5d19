"""The built-in families and the refused ones. Imports no adapter and no torch."""

from tam.registry import Family, Refused

FAMILIES: tuple[Family, ...] = (
    Family(
        name="Qwen2-VL",
        model_types=("qwen2_vl",),
        adapter="tam_adapters.qwen2_vl:Qwen2VLAdapter",
        examples=("Qwen/Qwen2-VL-2B-Instruct", "Qwen/Qwen2-VL-7B-Instruct"),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="Qwen2.5-VL",
        model_types=("qwen2_5_vl",),
        adapter="tam_adapters.qwen2_vl:Qwen25VLAdapter",
        examples=("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct"),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="LLaVA-1.5",
        model_types=("llava",),
        adapter="tam_adapters.llava:LlavaAdapter",
        examples=("llava-hf/llava-1.5-7b-hf", "llava-hf/llava-1.5-13b-hf"),
        inputs=("image", "images"),
        notes=("CLIP and SigLIP towers; a centre crop leaves the picture's ends without maps",),
    ),
)

_GRID = "use a model whose vision tokens form a grid"
_CROSS = (
    "its language model reads the picture through cross-attention, so no position of the sequence "
    "belongs to a part of the picture"
)
_QUERIES = (
    "its vision tokens are learned queries over the whole picture, so none of them belongs to a "
    "part of it"
)
_ENCODER = (
    "the picture is read by an encoder, and the decoder that writes the words has no position for "
    "a part of it"
)

REFUSED: tuple[Refused, ...] = (
    Refused("Llama 3.2 Vision (Mllama)", ("mllama",), _CROSS, _GRID),
    Refused("Idefics (first version)", ("idefics",), _CROSS, _GRID),
    Refused("BLIP-2", ("blip-2",), _QUERIES, _GRID),
    Refused("InstructBLIP", ("instructblip", "instructblipvideo"), _QUERIES, _GRID),
    Refused("Idefics2", ("idefics2",), _QUERIES, _GRID),
    Refused("Aria", ("aria",), _QUERIES, _GRID),
    Refused("Kosmos-2", ("kosmos-2",), _QUERIES, _GRID),
    Refused("Kosmos-2.5", ("kosmos-2.5",), _QUERIES, _GRID),
    Refused("DeepSeek-OCR 2", ("deepseek_ocr2",), _QUERIES, _GRID),
    Refused("Unlimited-OCR", ("unlimited_ocr",), _QUERIES, _GRID),
    Refused("Florence-2", ("florence2",), _ENCODER, _GRID),
    Refused("T5Gemma 2", ("t5gemma2",), _ENCODER, _GRID),
    Refused("Pix2Struct", ("pix2struct",), _ENCODER, _GRID),
    Refused("UDOP", ("udop",), _ENCODER, _GRID),
    Refused(
        "InternVL with code of its own",
        ("internvl_chat",),
        "the checkpoint runs code that it brings along",
        "use the variant that transformers runs natively, whose name ends in -hf (such as "
        "OpenGVLab/InternVL3-2B-hf)",
    ),
)
