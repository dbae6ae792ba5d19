"""From token ids to the text they spell and the words they form, in any language."""

from collections.abc import Sequence
from typing import Any

import regex

_BOUNDARY = regex.compile(r"\b", regex.WORD | regex.V1)
_GRAPHEME = regex.compile(r"\X", regex.V1)

# A character has at most four bytes, so at most three tokens can wait for its end.
_LONGEST_WAIT = 3

# The kinds of characters that a boundary before them can hang on: Latin and Hebrew letters (which
# double quotes join), digits.
_FOLLOWING = ("a", "\u05d0", "0")


def spell(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Give the piece of text that each token adds.

    The ids are decoded as they are, never re-tokenised. Decoding runs over a short window, because
    some tokenizers spell a token differently at the start of a text. A character that is spread
    over several tokens is spelled by the last of them.

    Parameters
    ----------
    tokenizer
        Anything with ``decode(ids, skip_special_tokens=..., clean_up_tokenization_spaces=...)``.
    ids
        Token ids of one run of text.

    Returns
    -------
    One piece for each token; joined they are the text.
    """
    pieces: list[str] = []
    start = done = 0
    for index in range(len(ids)):
        before = _decode(tokenizer, ids[start:done])
        after = _decode(tokenizer, ids[start : index + 1])
        waiting = index - done
        last = index == len(ids) - 1
        if after.endswith("\ufffd") and waiting < _LONGEST_WAIT and not last:
            pieces.append("")
            continue
        pieces.append(after[len(before) :])
        start, done = done, index + 1
    return pieces


def group_words(pieces: Sequence[str]) -> list[int]:
    """Give the index of each token's word, or -1 for white space alone.

    A word ends where Unicode's default word boundaries (UAX #29) and a token boundary fall
    together: pieces of one character, an emoji sequence or a word stay together, and text without
    spaces is as fine as its tokens. Spaces belong to the word that they lead to.

    Parameters
    ----------
    pieces
        What each token spells, see :func:`spell`.

    Examples
    --------
    >>> group_words(["a", " re", "d", " circle", "."])
    [0, 1, 1, 2, 3]
    """
    words = [-1] * len(pieces)
    count = 0
    for group in _groups(pieces):
        if "".join(pieces[t] for t in group).strip():
            for index in group:
                words[index] = count
            count += 1
    return words


def settled(pieces: Sequence[str]) -> int:
    """Give how many of the first tokens form whole words, whatever text follows.

    A boundary may hang on the letter or the digit after it: "don", "'" can become "don't", and "3",
    "." can become "3.5".

    Parameters
    ----------
    pieces
        As in :func:`group_words`.

    Examples
    --------
    >>> settled([" re", "d"]), settled([" re", "d", " circle"]), settled(["don", "'"])
    (0, 2, 0)
    """
    if not pieces or pieces[-1].endswith("\ufffd"):
        return 0
    starts = [
        {group[0] for group in _groups([*pieces, *following])}
        for following in ((), *((letter,) for letter in _FOLLOWING))
    ]
    return max(set.intersection(*starts), default=0)


def _groups(pieces: Sequence[str]) -> list[list[int]]:
    """Indices of the tokens of each word, and of white space that belongs to none."""
    text = "".join(pieces)
    graphemes = {match.start() for match in _GRAPHEME.finditer(text)}
    breaks = {match.start() for match in _BOUNDARY.finditer(text)} & graphemes
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


def _leads(text: str) -> bool:
    """Whether white space belongs to the word after it: a line's end does not."""
    return not text.strip() and "\n" not in text


def _decode(tokenizer: Any, ids: Sequence[int]) -> str:
    if not len(ids):
        return ""
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return text
