"""The protocol of tokenizers."""

from collections.abc import Mapping
from typing import Any, Protocol


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the toolkit uses."""

    @property
    def bos_token(self) -> str | None:
        """The token that begins a sequence, or None."""

    @property
    def eos_token(self) -> str | None:
        """The token that ends a sequence, or None."""

    @property
    def all_special_tokens(self) -> list[str]:
        """The texts of the named special tokens."""

    @property
    def added_tokens_decoder(self) -> Mapping[int, Any]:
        """The tokens that were added to the vocabulary, by id."""

    def __len__(self) -> int:
        """Return the number of token ids, including added tokens."""

    def __call__(self, text: Any, /, **options: Any) -> Any:
        """Encode a text; the result contains ``input_ids``."""

    def decode(self, token_ids: Any, /, **options: Any) -> Any:
        """Return the text (str) of token ids."""

    def convert_tokens_to_ids(self, tokens: Any, /) -> Any:
        """Return the id of a token, or a list of ids for several; None for an unknown token."""

    def convert_ids_to_tokens(self, ids: Any, /) -> Any:
        """Return the token of an id, or a list of tokens for several."""
