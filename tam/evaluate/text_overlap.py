"""Overlap of a written text with reference texts: ROUGE-L and METEOR."""

from collections.abc import Iterable, Sequence

from tam.evaluate.tagging import has_nltk_data


def rouge_l(text: str, references: Sequence[str]) -> float:
    """Return ROUGE-L, the best over the references, as version 1.0.1 of ``rouge`` scores it.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, equation 5 for texts of
    several sentences, on sets: both texts are split into sentences at full stops and into words at
    white space; for every reference sentence the words of its longest common subsequences with the
    text's sentences are collected; precision and recall are their number divided by the number of
    different words of the text and of the reference; F = 2pr / (p + r + 1e-8).

    Returns
    -------
    In [0, 1]; 0 for an empty text.
    """
    return max((_rouge_l(_sentences(text), _sentences(other)) for other in references), default=0.0)


def meteor(text: str, references: Sequence[str]) -> float | None:
    """Return NLTK's METEOR, the best over the references; None if WordNet's data is missing."""
    if not has_nltk_data("corpora/wordnet"):
        return None
    from nltk.translate.meteor_score import meteor_score

    return float(
        meteor_score([other.lower().split() for other in references], text.lower().split())
    )


def _sentences(text: str) -> list[list[str]]:
    # A sentence of only white space consists of one empty word, as in the package.
    return [part.split() or [""] for part in text.split(".") if part]


def _rouge_l(text: list[list[str]], reference: list[list[str]]) -> float:
    if not text or not reference:
        return 0.0
    shared: set[str] = set()
    for expected in reference:
        for said in text:
            shared.update(_common_subsequence(expected, said))
    precision = len(shared) / len(_different(text))
    recall = len(shared) / len(_different(reference))
    return 2 * precision * recall / (precision + recall + 1e-8)


def _different(sentences: Iterable[list[str]]) -> set[str]:
    return {word for sentence in sentences for word in sentence}


def _common_subsequence(first: list[str], second: list[str]) -> list[str]:
    """Return the longest common subsequence of two sentences, traced from their ends.

    If there are several of the same length, it is the one that skips words of ``second`` first.
    """
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            lengths[i + 1][j + 1] = (
                lengths[i][j] + 1 if left == right else max(lengths[i][j + 1], lengths[i + 1][j])
            )
    found: list[str] = []
    i, j = len(first), len(second)
    while i and j:
        if first[i - 1] == second[j - 1]:
            found.append(first[i - 1])
            i, j = i - 1, j - 1
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return found[::-1]
