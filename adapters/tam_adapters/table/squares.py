"""Families whose tower takes a square of fixed size."""

from tam.families.family import Family

SQUARES: tuple[Family, ...] = (
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
        featured=True,
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
        relatives=("google/medgemma-4b-it",),
        featured=True,
    ),
    Family(
        name="Gemma 3n",
        model_types=("gemma3n",),
        adapter="tam_adapters.gemma3n:Gemma3nAdapter",
        examples=("google/gemma-3n-E2B-it", "google/gemma-3n-E4B-it"),
        inputs=("image", "images"),
        notes=(
            "needs the package timm",
            "the tower is convolutional: a vision token also sees what lies around its cell",
        ),
    ),
    Family(
        name="DeepSeek-VL",
        model_types=("deepseek_vl",),
        adapter="tam_adapters.deepseek_vl:DeepseekVLAdapter",
        examples=("deepseek-community/deepseek-vl-1.3b-chat",),
        inputs=("image", "images"),
        featured=True,
    ),
    Family(
        name="DeepSeek-VL hybrid",
        model_types=("deepseek_vl_hybrid",),
        adapter="tam_adapters.deepseek_vl:DeepseekVLHybridAdapter",
        examples=("deepseek-community/deepseek-vl-7b-chat",),
        inputs=("image", "images"),
        notes=("a second tower's part of a token also sees what lies around its cell",),
    ),
    Family(
        name="Janus",
        model_types=("janus",),
        adapter="tam_adapters.deepseek_vl:JanusAdapter",
        examples=("deepseek-community/Janus-Pro-1B",),
        inputs=("image", "images"),
    ),
    Family(
        name="GOT-OCR 2",
        model_types=("got_ocr2",),
        adapter="tam_adapters.got_ocr2:GotOcr2Adapter",
        examples=("stepfun-ai/GOT-OCR-2.0-hf",),
        inputs=("image", "images"),
        notes=("convolutions: a vision token also sees what lies around its cell",),
    ),
    Family(
        name="PP-Chart2Table",
        model_types=("pp_chart2table",),
        adapter="tam_adapters.got_ocr2:PPChart2TableAdapter",
        examples=("PaddlePaddle/PP-Chart2Table_safetensors",),
        inputs=("image", "images"),
        notes=("convolutions: a vision token also sees what lies around its cell",),
    ),
)
