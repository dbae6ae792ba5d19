import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tam.text.words import decode_pieces, group_words, stable_prefix


class Bytes:
    """A byte-level tokenizer without merges: each byte is a token."""

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
    pieces = decode_pieces(tokenizer, tokenizer.ids(text))
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
    assert decode_pieces(tokenizer, tokenizer.ids("狗a")) == ["", "", "狗", "a"]


def test_bytes_that_form_no_character_do_not_hold_up_the_rest() -> None:
    tokenizer = Bytes()
    half = tokenizer.ids("狗")[:1]
    pieces = decode_pieces(tokenizer, half * 6 + tokenizer.ids("dog"))
    assert "".join(pieces).endswith("dog")
    assert pieces[-1] == "g"


def test_sub_words_join_and_spaces_lead() -> None:
    assert group_words(["a", " re", "d", " circle", "."]) == [0, 1, 1, 2, 3]
    assert group_words(["a", " ", "circle", "\n", "b"]) == [0, 1, 1, -1, 2]


def test_a_token_of_several_words_is_one_word() -> None:
    assert group_words(["in front of", " it"]) == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "I don't know, it's 3.5 or 1,000: a.b, e.g. U.S.A.",
        "a 👨‍👩‍👧 dog 🇫🇷🇩🇪 狗は コンピュータ",
        'צה"ל and "quoted" words_with_lines\n\nnew  line.',
        "naïve cafe\u0301 can\u2019t हिन्दी",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_stable_prefix_stays_whatever_follows(text: str, size: int) -> None:
    pieces = [text[first : first + size] for first in range(0, len(text), size)]
    whole = group_words(pieces)
    done = 0
    for count in range(len(pieces) + 1):
        now = stable_prefix(pieces[:count])
        assert done <= now <= count, "a word that was certain stays so"
        done = now
        assert group_words(pieces[:done]) == whole[:done]
        assert done == 0 or whole[done - 1] != whole[done] or whole[done] < 0
    assert done > len(pieces) - 5 * 3, "few tokens wait"


def test_an_unfinished_character_settles_nothing() -> None:
    assert stable_prefix(["a", " dog", " ", "\ufffd"]) == 0


@pytest.mark.promise(
    "hostile words", "coordinates without spaces, such as (123,456)", "each number has its own map"
)
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("at (123,456).", ["at", "(", "123", ",", "456", ")", "."]),
        ("[10,20,30,400]", ["[", "10", ",", "20", ",", "30", ",", "400", "]"]),
        ("( 0.25,0.75)", ["(", "0.25", ",", "0.75", ")"]),
        ("0.25,0.75", ["0.25", ",", "0.75"]),
        ("12,34,56", ["12", ",", "34", ",", "56"]),
        ("12;345", ["12", ";", "345"]),
        ("（12，34）", ["（", "12", "，", "34", "）"]),
        ("1,000 3,5 1.234,56 1,234.5", ["1,000", "3,5", "1.234,56", "1,234.5"]),
        ("1,234,567", ["1,234,567"]),
    ],
)
def test_the_numbers_of_a_list_are_words_of_their_own(text: str, wanted: list[str]) -> None:
    assert words(text) == wanted


@pytest.mark.promise("hostile words", "zero-width and filler characters only", "not a word")
@pytest.mark.parametrize("invisible", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u2800"])
def test_what_shows_nothing_is_no_word(invisible: str) -> None:
    assert group_words([invisible]) == [-1]
    assert group_words(["a", f" {invisible}"]) == [0, -1]
    assert group_words(["a ", invisible, "dog"])[-1] == 1, "it leads to the next word"


@pytest.mark.promise("hostile words", "U+FFFD in a reply", "belongs to its own token")
def test_a_replacement_character_swallows_no_token() -> None:
    tokenizer = Bytes()
    ids = tokenizer.ids("a\ufffd dog")
    pieces = decode_pieces(tokenizer, ids)
    assert "".join(pieces) == "a\ufffd dog"
    assert pieces == ["a", "", "", "\ufffd", " ", "d", "o", "g"]
    half = tokenizer.ids("狗")[:1]
    assert decode_pieces(tokenizer, [*half, *tokenizer.ids("ab")]) == ["\ufffd", "a", "b"]


class Pieces:
    """A tokenizer whose tokens are whole pieces of text, with byte fallback."""

    def __init__(self, *texts: str) -> None:
        vocabulary = [*(f"<0x{byte:02X}>" for byte in range(256)), *texts]
        self.inner = Tokenizer(models.BPE({piece: i for i, piece in enumerate(vocabulary)}, []))
        self.inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])

    def decode(self, ids: list[int], **_: bool) -> str:
        return self.inner.decode(ids, skip_special_tokens=False)


def test_bytes_to_fall_back_on_spell_a_character_at_their_end() -> None:
    tokenizer = Pieces("\ufffd", " dog", "a")
    emoji = list("😀".encode())
    assert decode_pieces(tokenizer, [258, *emoji, 257]) == ["a", "", "", "", "😀", " dog"]
    alone = [256, 257, 256, 256, 258]
    assert decode_pieces(tokenizer, alone) == ["\ufffd", " dog", "\ufffd", "\ufffd", "a"]
    assert decode_pieces(tokenizer, [256, *emoji, 257]) == ["\ufffd", "", "", "", "😀", " dog"]


@pytest.mark.parametrize(
    "text",
    [
        "at (123,456)",
        "1,234,567,8 9",
        "( 1,234,567)",
        "12,34,56.5,7 x",
        "[[1,2],[3,4]] 5,6,",
        "f(1.234,5",
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_words_that_are_given_as_they_settle_are_those_of_the_whole(text: str, size: int) -> None:
    pieces = [text[first : first + size] for first in range(0, len(text), size)]
    given: list[list[str]] = []

    def give(waiting: list[str], count: int) -> None:
        grouped: dict[int, list[str]] = {}
        for piece, word in zip(waiting[:count], group_words(waiting), strict=False):
            grouped.setdefault(word, []).append(piece)
        given.extend(grouped.values())

    waiting: list[str] = []
    for piece in pieces:
        waiting.append(piece)
        count = stable_prefix(waiting)
        give(waiting, count)
        waiting = waiting[count:]
    give(waiting, len(waiting))
    whole: dict[int, list[str]] = {}
    for piece, word in zip(pieces, group_words(pieces), strict=True):
        whole.setdefault(word, []).append(piece)
    assert given == list(whole.values())
