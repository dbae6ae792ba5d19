"""For every word that a multimodal LLM writes, see which part of which picture it came from.

>>> import tam
>>> model = tam.load("small")                                    # doctest: +SKIP
>>> result = model.explain("photo.jpg", "Describe this image.")  # doctest: +SKIP
>>> result.words[3].map(0)                                       # doctest: +SKIP

Importing the package loads neither torch nor transformers; the first use of a name does.
"""

from typing import TYPE_CHECKING, Any

from tam._version import __version__
from tam.errors import TamError
from tam.resolver import PUBLIC, resolve

if TYPE_CHECKING:
    from tam import methods
    from tam.explanation.explanation import Explanation
    from tam.explanation.word import Word
    from tam.files.storage import load_explanation
    from tam.media import Cut, Media, Sampling, open_image, open_video
    from tam.model.chat import Chat
    from tam.model.loading import load, wrap
    from tam.model.model import Model
    from tam.prompt.conversation import Conversation, Turn
    from tam.served.explaining import from_states

__all__ = [
    "Chat",
    "Conversation",
    "Cut",
    "Explanation",
    "Media",
    "Model",
    "Sampling",
    "TamError",
    "Turn",
    "Word",
    "__version__",
    "from_states",
    "load",
    "load_explanation",
    "methods",
    "open_image",
    "open_video",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'tam' has no attribute {name!r}")
    return resolve(PUBLIC[name])


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
