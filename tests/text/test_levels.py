"""Groups of words at each level."""

import pytest

from tam.errors import InputError
from tam.text.levels import grouped


@pytest.mark.parametrize(
    ("level", "groups"),
    [
        ("word", [[0], [1], [2], [3]]),
        ("phrase", [[0, 1], [2], [3]]),
        ("sentence", [[0, 1, 2, 3]]),
    ],
)
def test_words_are_grouped_by_where_they_stand(level: str, groups: list[list[int]]) -> None:
    assert grouped([1, 2, 4, 7], level) == groups
    assert grouped([], level) == []


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(InputError, match="unknown level 'page'; use one of word"):
        grouped([1], "page")
