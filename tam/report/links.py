"""Links between the same words of two explanations."""

from difflib import SequenceMatcher

from tam.explanation.explanation import Explanation


def linked_words(first: Explanation, second: Explanation) -> tuple[list[int], list[int]]:
    """Link the same words of two conversations, prompts with prompts and replies with replies.

    Texts are aligned like lines in a diff of two files. A word that has no partner because the
    order differs is linked to the first word with the same spelling.

    Returns
    -------
    For each word of the first conversation (the words of the prompt first), the index of its
    partner in the second, or -1; and the same for the second.
    """
    forward: list[int] = []
    backward: list[int] = []
    for a, b in ((first.prompt_words, second.prompt_words), (first.words, second.words)):
        offsets = len(forward), len(backward)
        spelled = [word.text.casefold() for word in a], [word.text.casefold() for word in b]
        forward += _links(*spelled, offsets[1])
        backward += _links(spelled[1], spelled[0], offsets[0])
    return forward, backward


def _links(own: list[str], others: list[str], offset: int) -> list[int]:
    links = [-1] * len(own)
    for block in SequenceMatcher(None, own, others, autojunk=False).get_matching_blocks():
        for i in range(block.size):
            links[block.a + i] = offset + block.b + i
    for i, text in enumerate(own):
        if links[i] < 0 and text in others:
            links[i] = offset + others.index(text)
    return links
