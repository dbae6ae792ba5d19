"""The protocol of processors."""

from collections.abc import Mapping
from typing import Any, Protocol

from tam.text.tokenizer import Tokenizer


class Processor(Protocol):
    """The part of a transformers processor that the toolkit uses."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the language model."""

    @property
    def chat_template(self) -> str | Mapping[str, str] | None:
        """The chat template, several by name, or None where the processor carries none."""

    def __call__(self, **options: Any) -> Any:
        """Encode a rendered prompt with its decoded media."""

    def apply_chat_template(self, conversation: Any, /, **options: Any) -> Any:
        """Render the messages of a conversation."""

    def __getattr__(self, name: str) -> Any:
        """Give a member of one family's processors, such as ``patch_size``."""
