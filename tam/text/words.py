"""Decoding token ids to pieces of text, and grouping them into words, in any language."""

from collections.abc import Sequence
from itertools import accumulate

import regex

from tam.text.tokenizer import Tokenizer

_BOUNDARY = regex.compile(r"\b", regex.WORD | regex.V1)
_GRAPHEME = regex.compile(r"\X", regex.V1)
_VISIBLE = regex.compile(r"[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]", regex.V1)

# Numbers that UAX #29 joins across the punctuation between them, and those that really are one
# number: with a comma or point between thousands, or with a decimal comma.
_JOINED_NUMBERS = regex.compile(r"\d+(?:\.\d+)?(?:[,;，；]\d+(?:\.\d+)?)+")
_ONE_NUMBER = regex.compile(
    r"\d{1,3}(?:[,，]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:[,，]\d+)?|\d+[,，]\d+"
)
_BETWEEN_NUMBERS = regex.compile(r"[,;，；]")
# Numbers at the end of a text that may turn out to be a list, with the bracket before them.
_OPEN_NUMBERS = regex.compile(r"(?:[(\[{<（［｛＜]\s*)?\d[\d.,;，；]*$|[(\[{<（［｛＜]\s*$")
_BRACKETS = dict(zip("([{<（［｛＜", ")]}>）］｝＞", strict=True))

# A character has at most four bytes, so at most three tokens can be incomplete.
_LONGEST_WAIT = 3

# One example of each kind of character that can affect the boundary before it: Latin letters,
# Hebrew letters (which double quotes join), digits.
_FOLLOWING = ("a", "\u05d0", "0")


def decode_pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the piece of text that each token adds.

    The ids are decoded as they are, never re-tokenised. Decoding runs over a short window, because
    some tokenizers decode a token differently at the start of a text. A character that spans
    several tokens belongs to the last of them. U+FFFD stands for an incomplete character; if the
    text itself contains it, it belongs to its own token.

    Parameters
    ----------
    tokenizer
        Anything with ``decode(ids, skip_special_tokens=..., clean_up_tokenization_spaces=...)``.
    ids
        Token ids of a continuous text.

    Returns
    -------
    list of str
        One piece for each token; joined, they are the text.
    """
    pieces: list[str] = []
    start = done = 0
    for index in range(len(ids)):
        before = _decode(tokenizer, ids[start:done])
        after = _decode(tokenizer, ids[start : index + 1])
        waiting = index - done
        last = index == len(ids) - 1
        open_end = after.endswith("\ufffd") and waiting < _LONGEST_WAIT and not last
        if open_end and not _ends_a_character(tokenizer, after, ids[start:], index + 1 - start):
            pieces.append("")
            continue
        pieces.append(after[len(before) :])
        start, done = done, index + 1
    return pieces


def _ends_a_character(tokenizer: Tokenizer, text: str, ids: Sequence[int], count: int) -> bool:
    """Whether the U+FFFD at the end of the first tokens' text is a complete character.

    It is incomplete if the next tokens turn it into another character. It is complete if they only
    append to the text, or if three more tokens do not change it.
    """
    for more in range(count + 1, min(count + _LONGEST_WAIT, len(ids)) + 1):
        longer = _decode(tokenizer, ids[:more])
        if longer == text:
            return False
        if not longer.endswith("\ufffd"):
            return longer.startswith(text)
    return len(ids) >= count + _LONGEST_WAIT


def is_visible(text: str) -> bool:
    r"""Whether a text shows anything: more than white space, zero-width and filler characters.

    Examples
    --------
    >>> is_visible(" \u200b\n"), is_visible(".")
    (False, True)
    """
    return _VISIBLE.search(text) is not None


def group_words(pieces: Sequence[str]) -> list[int]:
    """Return the index of each token's word, or -1 for invisible tokens such as white space.

    A word ends where one of Unicode's default word boundaries (UAX #29) coincides with a token
    boundary: pieces of one character, an emoji sequence or a word stay together, and text without
    spaces is divided as finely as its tokens allow. Spaces belong to the word after them. The
    numbers of a list or of a pair of coordinates are separate words; "1,000", "1.234,5" and "3,5"
    are one word each.

    Parameters
    ----------
    pieces
        The piece of text of each token, from :func:`decode_pieces`.

    Examples
    --------
    >>> group_words(["a", " re", "d", " circle", "."])
    [0, 1, 1, 2, 3]
    """
    words = [-1] * len(pieces)
    count = 0
    for group in _groups(pieces):
        if is_visible("".join(pieces[t] for t in group)):
            for index in group:
                words[index] = count
            count += 1
    return words


def stable_prefix(pieces: Sequence[str]) -> int:
    """Return the number of leading tokens whose words cannot change, whatever text follows.

    Their words are ``group_words(pieces)[:stable_prefix(pieces)]``. A word boundary may depend on
    the letter or digit after it: "don", "'" can become "don't", and "3", "." can become "3.5".

    Parameters
    ----------
    pieces
        As in :func:`group_words`.

    Examples
    --------
    >>> [stable_prefix(pieces) for pieces in ([" re", "d"], [" re", "d", " circle"], ["don", "'"])]
    [0, 2, 0]
    """
    if not pieces or pieces[-1].endswith("\ufffd"):
        return 0
    starts = [
        {group[0] for group in _groups([*pieces, *following])}
        for following in ((), *((letter,) for letter in _FOLLOWING))
    ]
    certain = set.intersection(*starts)
    numbers = _OPEN_NUMBERS.search("".join(pieces))
    if numbers is not None:
        # Only their end shows whether they are a list, which affects all of their boundaries.
        ends = accumulate(map(len, pieces), initial=0)
        certain &= {index for index, end in enumerate(ends) if end <= numbers.start()}
    return max(certain, default=0)


def _groups(pieces: Sequence[str]) -> list[list[int]]:
    """Return the token indices of each word, and of white space that belongs to no word."""
    text = "".join(pieces)
    graphemes = {match.start() for match in _GRAPHEME.finditer(text)}
    breaks = {match.start() for match in _BOUNDARY.finditer(text)} & graphemes
    breaks |= _list_breaks(text)
    groups: list[list[int]] = []
    offset = 0
    for index, piece in enumerate(pieces):
        before = "".join(pieces[t] for t in groups[-1]) if groups else ""
        joins = groups and (offset not in breaks or not before or _leads(before))
        if joins:
            groups[-1].append(index)
        else:
            groups.append([index])
        offset += len(piece)
    return groups


def _list_breaks(text: str) -> set[int]:
    """Return the offsets before and after each mark between the numbers of a list or a pair."""
    breaks: set[int] = set()
    for run in _JOINED_NUMBERS.finditer(text):
        opening = text[: run.start()].rstrip()[-1:]
        closing = _BRACKETS.get(opening)
        enclosed = closing is not None and text[run.end() : run.end() + 1] == closing
        if enclosed or not _ONE_NUMBER.fullmatch(run[0]):
            for mark in _BETWEEN_NUMBERS.finditer(text, run.start(), run.end()):
                breaks |= {mark.start(), mark.end()}
    return breaks


def _leads(text: str) -> bool:
    """Whether a text is white space that belongs to the word after it; line breaks do not."""
    return not is_visible(text) and "\n" not in text


def _decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    if not len(ids):
        return ""
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return text
