"""Look up words, pictures and frames by the numbers that users type, which begin at 1."""

from collections.abc import Sequence

from tam.explanation.explanation import Explanation
from tam.text.counting import index_of


def word_named(typed: str, explanation: Explanation, where: str = "--word") -> int | str:
    """Return a word's index if digits are given; return any other input as the word's text.

    Raises
    ------
    InputError
        If the reply has no word with that number.
    """
    if typed.isascii() and typed.isdigit():
        return index_of(int(typed), len(explanation.words), "word", where)
    return typed


def words_named(typed: Sequence[str] | None, explanation: Explanation) -> list[int | str] | None:
    """Apply :func:`word_named` to several words; return None if there are none."""
    return [word_named(word, explanation) for word in typed] if typed else None


def place_named(
    picture: int | None, frame: int | None, explanation: Explanation
) -> tuple[int | None, int | None]:
    """Return the indices of a picture and of one of its frames; None for one not given.

    Raises
    ------
    InputError
        If the explanation has no picture, or the picture no frame, with that number.
    """
    media = None
    if picture is not None:
        media = index_of(picture, len(explanation.media), "picture", "--picture")
    if frame is None:
        return media, None
    item = explanation.item(media or 0)
    return media, index_of(frame, len(item.frames), item.axis.frame, "--frame")
