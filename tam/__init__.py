"""See, for every word a multimodal LLM says, which part of which picture it came from.

>>> import tam
>>> model = tam.load("small")                                    # doctest: +SKIP
>>> result = model.explain("photo.jpg", "Describe this image.")  # doctest: +SKIP
>>> result.words[3].map(0)                                       # doctest: +SKIP

Importing the package loads neither torch nor transformers; the first use of a name does.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tam.errors import TamError

if TYPE_CHECKING:
    from tam.chat import Chat
    from tam.conversation import Conversation, Turn
    from tam.explanation import Explanation, Word
    from tam.loading import load, wrap
    from tam.media import Media, Sampling, open_image, open_video
    from tam.model import Model
    from tam.storage import load_explanation

__version__ = "0.1.0"

__all__ = [
    "Chat",
    "Conversation",
    "Explanation",
    "Media",
    "Model",
    "Sampling",
    "TamError",
    "Turn",
    "Word",
    "load",
    "load_explanation",
    "open_image",
    "open_video",
    "wrap",
]

_HOMES = {
    "Chat": "tam.chat",
    "Conversation": "tam.conversation",
    "Turn": "tam.conversation",
    "Explanation": "tam.explanation",
    "Word": "tam.explanation",
    "load": "tam.loading",
    "wrap": "tam.loading",
    "Media": "tam.media",
    "Sampling": "tam.media",
    "open_image": "tam.media",
    "open_video": "tam.media",
    "Model": "tam.model",
    "load_explanation": "tam.storage",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tam' has no attribute {name!r}")
    with warnings.catch_warnings():
        # Of tqdm, which transformers imports; no bar is shown in a notebook anyway.
        warnings.filterwarnings("ignore", "IProgress not found")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
