import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from tam.explanation.explanation import Explanation
from tam.report import report_html
from tam.report.relevance import UNKNOWN, encoded_rows, word_rows
from tests.hand_made import explanation, grid, picture
from tests.report.pages import Open, word
from tests.report.test_report import embedded


def of_repeated_words(reply: Sequence[str]) -> Explanation:
    """An explanation whose relevance is, as a model's, a product of tokens and states."""
    rng = np.random.default_rng(0)
    made = explanation(
        [picture(60, 80)], [grid(0, (1, 24, 32), (0.0, 0.0, 80.0, 60.0))], reply=reply
    )
    ids = {text: number for number, text in enumerate(dict.fromkeys(reply), 300)}
    tokens = (
        *made.tokens[: made.prompt_targets],
        *(replace(token, id=ids[token.text]) for token in made.tokens[made.prompt_targets :]),
    )
    evidence = {token.id: rng.standard_normal(16) for token in tokens}
    states = rng.standard_normal((len(tokens), 16))
    scores = np.tril(np.stack([evidence[token.id] for token in tokens]) @ states.T, -1).clip(0)
    relevance = scores / np.maximum(scores.max(axis=1, keepdims=True), 1e-9)
    y, x = np.mgrid[0:24, 0:32]
    maps = [
        np.exp(-((x - t % 32) ** 2 + (y - t % 24) ** 2) / 40).ravel() for t in range(len(scores))
    ]
    return replace(
        made,
        tokens=tokens,
        maps=np.stack(maps).astype(np.float32),
        relevance=relevance.astype(np.float32),
    )


def decoded(content: bytes, lengths: Sequence[int], ids: Sequence[int]) -> list[list[int]]:
    """Decode one value at a time."""
    plain = zlib.decompress(content)
    rows: list[list[int]] = []
    start = 2 * len(ids)
    for index, length in enumerate(lengths):
        factor = int.from_bytes(plain[2 * index : 2 * index + 2], "little")
        row = list(plain[start : start + length])
        start += length
        if factor:
            place = max(i for i in range(index) if ids[i] == ids[index])
            for i, value in enumerate(rows[place]):
                row[i] = (row[i] + ((factor * value + 128) >> 8)) % 256
        rows.append(row)
    assert start == len(plain)
    return rows


def test_rows_come_back_exactly() -> None:
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 5, 60).tolist()
    rows: list[NDArray[np.uint8]] = [rng.integers(0, 101, n).astype(np.uint8) for n in range(60)]
    for index in range(20, 40):  # proportional to the row before, and a few that are not known
        place = max((i for i in range(index) if ids[i] == ids[index]), default=None)
        if place is not None:
            rows[index][:place] = np.rint(rows[place] * 0.7)
    rows[50][:] = UNKNOWN
    lengths = [len(row) for row in rows]
    assert decoded(encoded_rows(rows, ids), lengths, ids) == [row.tolist() for row in rows]


def test_values_are_hundredths_as_python_prints_them() -> None:
    relevance = np.zeros((4, 4), np.float32)
    relevance[3, :3] = 0.125, 0.375, np.nan
    rows = word_rows(relevance, [(0,), (1,), (2,), (3,)])
    assert [len(row) for row in rows] == [0, 1, 2, 3]
    assert rows[3].tolist() == [12, 38, UNKNOWN]
    assert word_rows(relevance, [(0, 1), (2,), (3,)])[3].tolist() == [38, UNKNOWN]


def test_the_page_has_the_relevance_of_words_that_are_said_again(open_report: Open) -> None:
    made = of_repeated_words((" a", " red", " ring", " and", " a", " red", " cat") * 3)
    page = open_report(made)
    everyone = (*made.prompt_words, *made.words)
    for last in (len(everyone) - 1, len(everyone) - 3, len(everyone) - 8):
        word(page, last).click()
        shown = page.locator(".word").evaluate_all(
            "(all) => all.map((e) => Number(e.style.getPropertyValue('--relevance')))"
        )
        wanted = [everyone[last].relevance(earlier) for earlier in everyone[:last]]
        assert shown[:last] == [round(value, 2) for value in wanted if value is not None]


@pytest.fixture(scope="module")
def long_reply() -> str:
    """The report of a reply of 3,000 words, of which few are frequent, as in any text."""
    rng = np.random.default_rng(0)
    vocabulary = [f" word{i}" for i in range(900)]
    reply = [vocabulary[i % 900] for i in rng.zipf(1.3, 3000)]
    return report_html(of_repeated_words(reply))


def test_the_size_of_a_very_long_reply(long_reply: str) -> None:
    content = embedded(long_reply)
    assert len(content["words"]) > 3000
    assert len(long_reply) - len(content["media"][0]["frames"][0]) < 5_000_000


def test_a_very_long_reply_opens_soon(long_reply: str, browser: Browser) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    # Seconds of the processor, which depend less on what else the machine does.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.set_content(long_reply, wait_until="commit")
    page.wait_for_selector("html[data-ready]", state="attached")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    assert page.locator(".word").count() > 3000
    assert page.locator(".small-map canvas").count() < 100
    context.close()
    assert metrics["TaskDuration"] < 4
