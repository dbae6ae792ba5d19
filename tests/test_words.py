import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tam.words import group_words, spell


class Bytes:
    """A byte-level tokenizer without merges: every byte is a token."""

    def __init__(self) -> None:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        self.inner = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
        self.inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.inner.decoder = decoders.ByteLevel()

    def ids(self, text: str) -> list[int]:
        return self.inner.encode(text).ids

    def decode(self, ids: list[int], **_: bool) -> str:
        return self.inner.decode(ids, skip_special_tokens=False)


def words(text: str) -> list[str]:
    tokenizer = Bytes()
    pieces = spell(tokenizer, tokenizer.ids(text))
    assert "".join(pieces) == text
    grouped: dict[int, str] = {}
    for piece, word in zip(pieces, group_words(pieces), strict=True):
        if word >= 0:
            grouped[word] = grouped.get(word, "") + piece
    assert list(grouped) == list(range(len(grouped)))
    return [word.strip() for word in grouped.values()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a dog, don't 3.14!", ["a", "dog", ",", "don't", "3.14", "!"]),
        ("一只狗", ["一", "只", "狗"]),
        ("コンピュータです", ["コンピュータ", "で", "す"]),
        ("naïve café", ["naïve", "café"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("a 👨‍👩‍👧 dog 🇫🇷🇩🇪", ["a", "👨‍👩‍👧", "dog", "🇫🇷", "🇩🇪"]),
        ("one\n\ntwo", ["one", "two"]),
        ("  two  spaces ", ["two", "spaces"]),
        ("", []),
        (" \n", []),
    ],
)
def test_words_hold_together_in_any_language(text: str, wanted: list[str]) -> None:
    assert words(text) == wanted


def test_a_character_is_spelled_by_its_last_token() -> None:
    tokenizer = Bytes()
    assert spell(tokenizer, tokenizer.ids("狗a")) == ["", "", "狗", "a"]


def test_bytes_that_form_no_character_do_not_hold_up_the_rest() -> None:
    tokenizer = Bytes()
    half = tokenizer.ids("狗")[:1]
    pieces = spell(tokenizer, half * 6 + tokenizer.ids("dog"))
    assert "".join(pieces).endswith("dog")
    assert pieces[-1] == "g"


def test_sub_words_join_and_spaces_lead() -> None:
    assert group_words(["a", " re", "d", " circle", "."]) == [0, 1, 1, 2, 3]
    assert group_words(["a", " ", "circle", "\n", "b"]) == [0, 1, 1, -1, 2]


def test_a_token_of_several_words_is_one_word() -> None:
    assert group_words(["in front of", " it"]) == [0, 1]
