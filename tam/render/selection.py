"""Choose words of a reply by index or text, or all of them."""

from collections.abc import Sequence
from dataclasses import replace

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Choice, Word


def chosen_words(
    explanation: Explanation, words: Sequence[Choice] | None = None, *, together: bool = False
) -> tuple[Word, ...]:
    """Return the chosen words of a reply.

    Parameters
    ----------
    words
        Indices as ``tam show`` numbers them, texts as in :meth:`Explanation.phrase`, or words. None
        for all words of the reply.
    together
        Whether to merge them into one word. Its map is the maximum of theirs, because separately
        chosen words do not narrow each other down as those of a phrase do.

    Raises
    ------
    InputError
        If the reply has no such word, or no word is chosen.
    """
    if words is None:
        chosen: tuple[Word, ...] = explanation.words
    else:
        chosen = tuple(_word(explanation, choice) for choice in words)
    if not chosen:
        raise InputError("no word is chosen", where="words", remedy="choose at least one word")
    if together:
        targets = sorted({target for word in chosen for target in word.targets})
        return (Word(explanation, tuple(targets)),)
    return chosen


def _word(explanation: Explanation, choice: Choice) -> Word:
    if isinstance(choice, Word):
        return replace(choice, explanation=explanation)
    if isinstance(choice, str):
        return explanation.phrase(choice)
    count = len(explanation.words)
    if not 0 <= choice < count:
        raise InputError(
            f"word index {choice} is out of range (0 to {count - 1})",
            where="words",
            remedy="'tam show' numbers the words",
        )
    return explanation.words[choice]
