"""Families that cannot have maps, each with the property of the architecture that rules it out."""

from tam.families.family import Refused

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
    "an encoder reads the picture, and the decoder that writes the words has no position for a "
    "part of it"
)

_OUTSIDE = (
    "the picture's features are prepended to the sequence of tokens, and it has no chat format"
)
_CODES = (
    "the states at its vision positions are trained to predict the picture's next code, or cannot "
    "predict a word, so no words can be read from them"
)
_OWN_CODE = "the checkpoint runs its own custom code"
_NATIVE = "use the variant that transformers runs natively"

REFUSED: tuple[Refused, ...] = (
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
    Refused("BLIP", ("blip",), _CROSS, _GRID),
    Refused("Vision encoder and text decoder", ("vision-encoder-decoder",), _CROSS, _GRID),
    Refused("PP-FormulaNet", ("pp_formulanet",), _ENCODER, _GRID),
    Refused(
        "DiffusionGemma",
        ("diffusion_gemma",),
        "it writes a block of words at once by denoising, so no state of the sequence predicts a "
        "single next word",
        "use Gemma 4 (google/gemma-4-E2B-it)",
    ),
    Refused(
        "ShieldGemma 2",
        ("shieldgemma2",),
        "its processor writes the questions itself, one for each policy, and takes no conversation",
        "use Gemma 3 (google/gemma-3-4b-it)",
    ),
    Refused(
        "Mistral 4 without pictures",
        ("mistral4",),
        "it is a text-only language model",
        "use the Mistral 3 that contains it and reads pictures (model type mistral3)",
    ),
    Refused("π0", ("pi0",), "it outputs the movements of a robot, not words", _GRID),
    Refused("Evolla", ("evolla",), "it reads proteins, not pictures", _GRID),
    Refused("GIT", ("git",), _OUTSIDE, _GRID),
    Refused(
        "Fuyu",
        ("fuyu",),
        "its processor takes one picture and one text, puts the picture before the text and a mark "
        "of the answer after it, and has no format for a conversation",
        _GRID,
    ),
    Refused("Chameleon", ("chameleon",), _CODES, _GRID),
    Refused("Emu3", ("emu3",), _CODES, _GRID),
    Refused(
        "InternVL with custom code",
        ("internvl_chat",),
        _OWN_CODE,
        f"{_NATIVE}, whose name ends in -hf (such as OpenGVLab/InternVL3-2B-hf)",
    ),
    Refused(
        "LLaVA with custom code",
        ("llava_llama", "llava_mistral", "llava_qwen", "llava-qwen2"),
        _OWN_CODE,
        f"{_NATIVE} (such as llava-hf/llava-1.5-7b-hf, llava-hf/llava-v1.6-mistral-7b-hf or "
        "llava-hf/llava-onevision-qwen2-0.5b-ov-hf)",
    ),
    Refused(
        "DeepSeek-VL or Janus with custom code",
        ("multi_modality",),
        _OWN_CODE,
        f"{_NATIVE} (deepseek-community/deepseek-vl-1.3b-chat, deepseek-community/Janus-Pro-1B)",
    ),
    Refused(
        "Ovis with custom code",
        ("ovis",),
        _OWN_CODE,
        f"{_NATIVE} (such as thisisiron/Ovis2-2B-hf)",
    ),
    Refused(
        "Phi-4 multimodal with custom code",
        ("phi4mm",),
        _OWN_CODE,
        f"{_NATIVE} (model type phi4_multimodal: microsoft/Phi-4-multimodal-instruct at the "
        "revision refs/pr/70)",
    ),
    Refused(
        "MiniCPM-V with custom code",
        ("minicpmv", "minicpmo"),
        _OWN_CODE,
        f"{_NATIVE} (openbmb/MiniCPM-V-4.6)",
    ),
    Refused("Molmo", ("molmo",), _OWN_CODE, f"{_NATIVE} (such as allenai/Molmo2-4B)"),
    Refused(
        "DeepSeek-VL2 and DeepSeek-OCR with custom code",
        ("deepseek_vl_v2", "deepseek-ocr"),
        _OWN_CODE,
        f"{_NATIVE} of another family (such as zai-org/GLM-OCR or PaddlePaddle/PaddleOCR-VL)",
    ),
    Refused(
        "Ovis 2.5 with custom code",
        ("ovis2_5",),
        _OWN_CODE,
        f"{_NATIVE} (such as thisisiron/Ovis2-2B-hf)",
    ),
    Refused(
        "Moondream",
        ("moondream1", "moondream3"),
        _OWN_CODE,
        "use a small model that transformers runs natively (such as "
        "HuggingFaceTB/SmolVLM2-2.2B-Instruct)",
    ),
    Refused(
        "Kimi-VL and Kimi K3 with custom code",
        ("kimi_vl", "kimi_k3"),
        _OWN_CODE,
        f"{_NATIVE} (moonshotai/Kimi-K2.5)",
    ),
    Refused(
        "Keye-VL",
        ("Keye", "KeyeVL1_5", "KeyeVL2"),
        _OWN_CODE,
        "use a model that transformers runs natively (such as Qwen/Qwen3-VL-8B-Instruct)",
    ),
    Refused(
        "Step3-VL",
        ("step3_vl",),
        _OWN_CODE,
        "use a model that transformers runs natively (such as Qwen/Qwen3-VL-8B-Instruct)",
    ),
    Refused(
        "Hulu-Med",
        ("hulumed", "hulumed_qwen2", "hulumed_qwen3"),
        _OWN_CODE,
        "use a medical model that transformers runs natively (such as google/medgemma-4b-it or "
        "lingshu-medical-mllm/Lingshu-7B)",
    ),
    Refused(
        "dots.ocr with custom code",
        ("dots_ocr",),
        _OWN_CODE,
        f"{_NATIVE} of another family (such as zai-org/GLM-OCR or PaddlePaddle/PaddleOCR-VL)",
    ),
)
