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
        """The chat template, several of them by name, or None if the processor has none."""

    def __call__(self, **options: Any) -> Any:
        """Encode a rendered prompt with its decoded media."""

    def apply_chat_template(self, conversation: Any, /, **options: Any) -> Any:
        """Render the messages of a conversation."""

    def __getattr__(self, name: str) -> Any:
        """Return a family-specific attribute, such as ``patch_size``."""
