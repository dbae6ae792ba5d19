"""The public Word type: its place in the text, its tokens, and lookup."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tam.errors import InputError
from tests.hand_made import explanation, several, with_grounding


def test_a_word_knows_where_it_stands() -> None:
    result = explanation()
    assert [result.text[slice(*word.span)] for word in result] == [word.text for word in result]
    assert [word.index for word in result.words] == list(range(7))
    assert [word.index for word in result.prompt_words] == list(range(4))
    assert {word.span for word in result.prompt_words} == {None}
    hound = result.words[2]
    assert (hound.span, hound.turn) == ((7, 16), 1)
    assert [(token.id, token.text) for token in hound.tokens] == [
        (202, " gr"),
        (203, "ey"),
        (204, "hound"),
    ]
    phrase = result.phrase("a bench")
    assert (phrase.cells() == result.words["bench"].cells()).all(), "articles name nothing"
    assert (phrase.span, phrase.index, phrase.text) == ((20, 27), None, "a bench")


def test_probability_candidates_and_grounding_of_a_word() -> None:
    result = with_grounding(explanation(), [np.nan, 0.8, 0.3])
    steps = result.predictions
    hound = result.words[2]
    product = steps[2].probability * steps[3].probability * steps[4].probability
    assert hound.probability == pytest.approx(product)
    assert hound.candidates == steps[2].candidates
    prompt = result.prompt_words[0]
    assert (prompt.probability, prompt.candidates, prompt.grounding) == (None, (), None)
    wanted = [None, np.float32(0.8), np.float32(0.3), *[None] * 4]
    assert result.grounding == tuple(wanted)
    assert [word.grounding for word in result] == wanted
    assert result.phrase("grey greyhound").grounding == np.float32(0.3), "its most doubtful word"
    assert explanation().grounding is None


def test_words_are_found_by_what_they_say() -> None:
    result = explanation(reply=(" a", " string", " a", " ring", " a", " ring", "."))
    assert result.words["ring"] is result.words[3]
    assert [word.index for word in result.find("ring")] == [3, 5]
    assert [word.targets for word in result.find("a ring")] == [(6, 7), (8, 9)]
    assert result.find("cat") == result.find("rin") == result.find("") == ()
    assert result.words[1:3]["a"] is result.words[2]
    with pytest.raises(InputError, match="no word is 'cat'"):
        result.words["cat"]
    with pytest.raises(IndexError):
        result.words[7]


def test_an_explanation_is_a_row_of_words() -> None:
    result = explanation()
    assert len(result) == 7
    assert list(result) == list(result.words)
    assert result
    assert explanation([], [], prompt=(), reply=()), "an empty reply is an explanation, too"


def test_words_as_a_data_frame() -> None:
    result = replace(several(), relevance=None, text_scores=None)
    frame = result.to_pandas()
    assert len(frame) == len(result)
    assert frame["word"].tolist() == [word.text for word in result]
    assert frame["visual"].tolist() == [word.visual for word in result]
    assert frame["textual"].isna().all()
    assert frame.dtypes["x"] == pd.Int64Dtype()
    x = [peak.x for word in result if (peak := word.peak())]
    assert frame["x"].tolist() == x


def test_without_pandas_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from tests.hand_made import explanation\n"
        "from tam.errors import SetupError\n"
        "try: explanation().to_pandas()\n"
        "except SetupError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install pandas" in done.stdout
