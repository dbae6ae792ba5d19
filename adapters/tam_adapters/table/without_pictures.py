"""Families that read no pictures."""

from tam.families.family import Refused

_SOUND = "it reads sound and text, and shows no picture to its language model"
_PICTURES = "use a model that reads pictures"

AUDIO_ONLY: tuple[Refused, ...] = tuple(
    Refused(name, types, _SOUND, _PICTURES, status="audio only")
    for name, types in (
        ("Fun-ASR Nano", ("fun_asr_nano",)),
        ("GLM-ASR", ("glmasr",)),
        ("Granite Speech", ("granite_speech", "granite_speech_plus")),
        ("Kyutai speech to text", ("kyutai_speech_to_text",)),
        ("MOSS Transcribe Diarize", ("moss_transcribe_diarize",)),
        ("Nemotron Transcribe", ("nemo_speechlm",)),
        ("Qwen2-Audio", ("qwen2_audio",)),
        ("Qwen3-ASR", ("qwen3_asr",)),
        ("VibeVoice ASR", ("vibevoice_asr",)),
        ("Voxtral", ("voxtral", "voxtral_realtime")),
    )
)
