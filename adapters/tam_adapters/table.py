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
        name="Qwen3-VL",
        model_types=("qwen3_vl", "qwen3_vl_moe"),
        adapter="tam_adapters.qwen3_vl:Qwen3VLAdapter",
        examples=("Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen3-VL-30B-A3B-Instruct"),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="Qwen3.5",
        model_types=("qwen3_5", "qwen3_5_moe"),
        adapter="tam_adapters.qwen3_vl:Qwen35Adapter",
        examples=("Qwen/Qwen3.5-27B", "Qwen/Qwen3.5-35B-A3B"),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="GLM-4V",
        model_types=("glm4v", "glm4v_moe", "glm46v", "glm_ocr"),
        adapter="tam_adapters.glm4v:Glm4VAdapter",
        examples=(
            "zai-org/GLM-4.1V-9B-Thinking",
            "zai-org/GLM-4.5V",
            "zai-org/GLM-4.6V",
            "zai-org/GLM-OCR",
        ),
        inputs=("image", "images", "video"),
        notes=("pictures or clips in one conversation, not both",),
    ),
    Family(
        name="PaddleOCR-VL",
        model_types=("paddleocr_vl",),
        adapter="tam_adapters.paddleocr_vl:PaddleOcrVLAdapter",
        examples=("PaddlePaddle/PaddleOCR-VL",),
        inputs=("image", "images"),
    ),
    Family(
        name="EXAONE 4.5",
        model_types=("exaone4_5",),
        adapter="tam_adapters.exaone4_5:Exaone45Adapter",
        examples=("LGAI-EXAONE/EXAONE-4.5-33B",),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="LLaVA-1.5",
        model_types=("llava",),
        adapter="tam_adapters.llava:LlavaAdapter",
        examples=(
            "llava-hf/llava-1.5-7b-hf",
            "llava-hf/llava-1.5-13b-hf",
            "mistral-community/pixtral-12b",
        ),
        inputs=("image", "images"),
        notes=(
            "CLIP, SigLIP and Pixtral towers; a centre crop leaves the picture's ends without maps",
        ),
    ),
    Family(
        name="FastVLM",
        model_types=("fast_vlm",),
        adapter="tam_adapters.fast_vlm:FastVlmAdapter",
        examples=("KamilaMila/FastVLM-0.5B",),
        inputs=("image", "images"),
        notes=(
            "needs the package timm",
            "the tower is convolutional: a vision token also sees what lies around its cell",
        ),
    ),
    Family(
        name="VipLLaVA",
        model_types=("vipllava",),
        adapter="tam_adapters.vipllava:VipLlavaAdapter",
        examples=("llava-hf/vip-llava-7b-hf",),
        inputs=("image", "images"),
    ),
    Family(
        name="Video-LLaVA",
        model_types=("video_llava",),
        adapter="tam_adapters.video_llava:VideoLlavaAdapter",
        examples=("LanguageBind/Video-LLaVA-7B-hf",),
        inputs=("image", "images", "video"),
        notes=("a centre crop leaves the picture's ends without maps",),
    ),
    Family(
        name="PaliGemma",
        model_types=("paligemma",),
        adapter="tam_adapters.paligemma:PaliGemmaAdapter",
        examples=("google/paligemma-3b-mix-448", "google/paligemma2-3b-mix-448"),
        inputs=("image", "images"),
        notes=("the prompt attends both ways: vision states depend on the question",),
    ),
    Family(
        name="Gemma 3",
        model_types=("gemma3",),
        adapter="tam_adapters.gemma3:Gemma3Adapter",
        examples=("google/gemma-3-4b-it", "google/gemma-3-12b-it"),
        inputs=("image", "images"),
        notes=("vision tokens attend both ways within a picture; with or without pan and scan",),
    ),
    Family(
        name="Gemma 4",
        model_types=("gemma4",),
        adapter="tam_adapters.gemma4:Gemma4Adapter",
        examples=("google/gemma-4-E2B-it", "google/gemma-4-31B-it"),
        inputs=("image", "images", "video"),
        notes=("in the larger models vision tokens attend both ways within a picture",),
    ),
    Family(
        name="Mistral 3",
        model_types=("mistral3",),
        adapter="tam_adapters.mistral3:Mistral3Adapter",
        examples=("mistralai/Mistral-Small-3.1-24B-Instruct-2503",),
        inputs=("image", "images"),
    ),
    Family(
        name="LightOn-OCR",
        model_types=("lighton_ocr",),
        adapter="tam_adapters.mistral3:LightOnOcrAdapter",
        examples=("lightonai/LightOnOCR-1B-1025",),
        inputs=("image", "images"),
    ),
    Family(
        name="DeepSeek-VL",
        model_types=("deepseek_vl",),
        adapter="tam_adapters.deepseek_vl:DeepseekVLAdapter",
        examples=("deepseek-community/deepseek-vl-1.3b-chat",),
        inputs=("image", "images"),
    ),
    Family(
        name="Janus",
        model_types=("janus",),
        adapter="tam_adapters.deepseek_vl:JanusAdapter",
        examples=("deepseek-community/Janus-Pro-1B",),
        inputs=("image", "images"),
    ),
    Family(
        name="InternVL 3",
        model_types=("internvl",),
        adapter="tam_adapters.internvl:InternVLAdapter",
        examples=("OpenGVLab/InternVL3-1B-hf", "OpenGVLab/InternVL3-8B-hf"),
        inputs=("image", "images", "video"),
        notes=("several clips in one conversation must have equally many frames",),
    ),
    Family(
        name="LLaVA-NeXT",
        model_types=("llava_next",),
        adapter="tam_adapters.llava_next:LlavaNextAdapter",
        examples=("llava-hf/llava-v1.6-mistral-7b-hf", "llava-hf/llava-v1.6-vicuna-7b-hf"),
        inputs=("image", "images"),
        notes=("CLIP and SigLIP towers",),
    ),
    Family(
        name="LLaVA-NeXT-Video",
        model_types=("llava_next_video",),
        adapter="tam_adapters.llava_next:LlavaNextVideoAdapter",
        examples=("llava-hf/LLaVA-NeXT-Video-7B-hf",),
        inputs=("image", "images", "video"),
        notes=(
            "a centre crop leaves the ends of a clip's frames without maps",
            "several clips in one conversation must have equally many frames",
        ),
    ),
    Family(
        name="LLaVA-OneVision",
        model_types=("llava_onevision",),
        adapter="tam_adapters.llava_onevision:LlavaOnevisionAdapter",
        examples=("llava-hf/llava-onevision-qwen2-0.5b-ov-hf",),
        inputs=("image", "images", "video"),
        notes=(
            "several pictures in one conversation are seen in less detail than a single one",
            "several clips in one conversation must have equally many frames",
        ),
    ),
    Family(
        name="Idefics3",
        model_types=("idefics3",),
        adapter="tam_adapters.idefics3:Idefics3Adapter",
        examples=("HuggingFaceM4/Idefics3-8B-Llama3",),
        inputs=("image", "images"),
    ),
    Family(
        name="SmolVLM",
        model_types=("smolvlm",),
        adapter="tam_adapters.idefics3:SmolVLMAdapter",
        examples=(
            "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
            "HuggingFaceTB/SmolVLM2-256M-Video-Instruct",
        ),
        inputs=("image", "images", "video"),
        notes=(
            "needs the package num2words",
            "a conversation shows either pictures or clips",
        ),
    ),
    Family(
        name="Ovis2",
        model_types=("ovis2",),
        adapter="tam_adapters.ovis2:Ovis2Adapter",
        examples=("thisisiron/Ovis2-2B-hf",),
        inputs=("image", "images"),
    ),
    Family(
        name="Llama 4",
        model_types=("llama4",),
        adapter="tam_adapters.llama4:Llama4Adapter",
        examples=("meta-llama/Llama-4-Scout-17B-16E-Instruct",),
        inputs=("image", "images"),
    ),
    Family(
        name="Aya Vision",
        model_types=("aya_vision",),
        adapter="tam_adapters.aya_vision:AyaVisionAdapter",
        examples=("CohereLabs/aya-vision-8b",),
        inputs=("image", "images"),
    ),
    Family(
        name="Cohere2 Vision",
        model_types=("cohere2_vision",),
        adapter="tam_adapters.aya_vision:Cohere2VisionAdapter",
        examples=("CohereLabs/command-a-vision-07-2025",),
        inputs=("image", "images"),
    ),
    Family(
        name="MiniCPM-V 4.6",
        model_types=("minicpmv4_6",),
        adapter="tam_adapters.minicpmv4_6:MiniCPMV46Adapter",
        examples=("openbmb/MiniCPM-V-4.6",),
        inputs=("image", "images", "video"),
    ),
    Family(
        name="LFM2-VL",
        model_types=("lfm2_vl",),
        adapter="tam_adapters.lfm2_vl:Lfm2VLAdapter",
        examples=("LiquidAI/LFM2-VL-450M", "LiquidAI/LFM2-VL-1.6B"),
        inputs=("image", "images"),
    ),
    Family(
        name="Molmo2",
        model_types=("molmo2",),
        adapter="tam_adapters.molmo2:Molmo2Adapter",
        examples=("allenai/Molmo2-4B", "allenai/Molmo2-8B"),
        inputs=("image", "images", "video"),
        notes=(
            "a conversation shows either pictures or one clip",
            "vision tokens attend to each other both ways",
        ),
    ),
    Family(
        name="Granite 4 Vision",
        model_types=("granite4_vision",),
        adapter="tam_adapters.granite4_vision:Granite4VisionAdapter",
        examples=("ibm-granite/granite-4.0-3b-vision",),
        inputs=("image", "images"),
        notes=("a vision token is made of a window of patches, and also sees beside its cell",),
    ),
    Family(
        name="PerceptionLM",
        model_types=("perception_lm",),
        adapter="tam_adapters.perception_lm:PerceptionLMAdapter",
        examples=("facebook/Perception-LM-1B", "facebook/Perception-LM-3B"),
        inputs=("image", "images", "video"),
        notes=(
            "needs the package timm",
            "several pictures in one conversation must be cut into equally many tiles",
            "several clips in one conversation must have equally many frames",
        ),
    ),
    Family(
        name="Phi-4 multimodal",
        model_types=("phi4_multimodal",),
        adapter="tam_adapters.phi4_multimodal:Phi4MultimodalAdapter",
        examples=("microsoft/Phi-4-multimodal-instruct",),
        inputs=("image", "images"),
        notes=(
            "revision refs/pr/70 runs without code of its own",
            "load its vision adapter (LoRA) into the model before asking about pictures",
        ),
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

_OUTSIDE = (
    "the picture's features stand before the sequence of tokens, and it takes no chat about them"
)
_CODES = (
    "the states at its vision positions are trained to tell the picture's next code, or may tell "
    "no word, so that words cannot be read there"
)
_OWN_CODE = "the checkpoint runs code that it brings along"
_NATIVE = "use the variant that transformers runs natively"

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
    Refused("BLIP", ("blip",), _CROSS, _GRID),
    Refused("Vision encoder and text decoder", ("vision-encoder-decoder",), _CROSS, _GRID),
    Refused("GIT", ("git",), _OUTSIDE, _GRID),
    Refused("Chameleon", ("chameleon",), _CODES, _GRID),
    Refused("Emu3", ("emu3",), _CODES, _GRID),
    Refused(
        "InternVL with code of its own",
        ("internvl_chat",),
        _OWN_CODE,
        f"{_NATIVE}, whose name ends in -hf (such as OpenGVLab/InternVL3-2B-hf)",
    ),
    Refused(
        "LLaVA with code of its own",
        ("llava_llama", "llava_mistral", "llava_qwen", "llava-qwen2"),
        _OWN_CODE,
        f"{_NATIVE} (such as llava-hf/llava-1.5-7b-hf, llava-hf/llava-v1.6-mistral-7b-hf or "
        "llava-hf/llava-onevision-qwen2-0.5b-ov-hf)",
    ),
    Refused(
        "DeepSeek-VL or Janus with code of its own",
        ("multi_modality",),
        _OWN_CODE,
        f"{_NATIVE} (deepseek-community/deepseek-vl-1.3b-chat, deepseek-community/Janus-Pro-1B)",
    ),
    Refused(
        "Ovis with code of its own",
        ("ovis",),
        _OWN_CODE,
        f"{_NATIVE} (such as thisisiron/Ovis2-2B-hf)",
    ),
    Refused(
        "Phi-4 multimodal with code of its own",
        ("phi4mm",),
        _OWN_CODE,
        f"{_NATIVE} (model type phi4_multimodal: microsoft/Phi-4-multimodal-instruct at the "
        "revision refs/pr/70)",
    ),
    Refused(
        "MiniCPM-V with code of its own",
        ("minicpmv", "minicpmo"),
        _OWN_CODE,
        f"{_NATIVE} (openbmb/MiniCPM-V-4.6)",
    ),
    Refused("Molmo", ("molmo",), _OWN_CODE, f"{_NATIVE} (such as allenai/Molmo2-4B)"),
)
