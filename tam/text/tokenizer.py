"""The protocol of tokenizers."""

from collections.abc import Mapping
from typing import Any, Protocol


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the toolkit uses."""

    @property
    def bos_token(self) -> str | None:
        """The token that begins a sequence, where the tokenizer has one."""

    @property
    def eos_token(self) -> str | None:
        """The token that ends a sequence, where the tokenizer has one."""

    @property
    def all_special_tokens(self) -> list[str]:
        """The texts of the named special tokens."""

    @property
    def added_tokens_decoder(self) -> Mapping[int, Any]:
        """The tokens that were added to the vocabulary, by id."""

    def __len__(self) -> int:
        """The number of token ids, those that were added included."""

    def __call__(self, text: Any, /, **options: Any) -> Any:
        """Encode a text; the result holds ``input_ids``."""

    def decode(self, token_ids: Any, /, **options: Any) -> Any:
        """Give the text [str] of token ids."""

    def convert_tokens_to_ids(self, tokens: Any, /) -> Any:
        """Give the id of a token, or the ids of several; None for one that it does not know."""

    def convert_ids_to_tokens(self, ids: Any, /) -> Any:
        """Give the token of an id, or the tokens of several."""
