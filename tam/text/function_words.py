"""The closed word classes of English, which name nothing that a picture could show."""

FUNCTION_WORDS: frozenset[str] = frozenset(
    """a an the this that these those each every either neither some any all both no another
    and or but nor yet plus there can could may might must shall should will would
    i you he she it we they me him her us them myself yourself himself herself itself ourselves
    themselves my your his its our their mine yours hers ours theirs oh yes
    what which who whom whose when where why how whatever whichever whoever""".split()
)
"""Words with the tags :data:`tam.evaluate.tagging.FUNCTION_TAGS`, in lower case."""

OTHER_WORDS: frozenset[str] = frozenset(
    """in on at of by with from to into onto over under above below behind between beside near
    through across along around against among during before after as than if while because until
    though although is are was were be been being am do does did done has have had having not
    one two three four five six seven eight nine ten very too also just only quite more most less
    least here then now up down out off away together""".split()
)
"""Closed-class words that the published evaluation counts neither as nouns nor function words."""


def is_content(word: str) -> bool:
    """Whether a word of letters is a content word: a noun, an adjective, a verb, a name."""
    lower = word.lower()
    return any(map(str.isalpha, word)) and lower not in FUNCTION_WORDS and lower not in OTHER_WORDS
