import base64
import hashlib
import io
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam.report import report_html
from tests.hand_made import clip, explanation, grid, picture, several, with_stages

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "{{ 7*7 }}",
    "\u2028\u2029",
    "&lt;",
    "'\"`",
    "]]>",
)


class Page(HTMLParser):
    """Collects what a browser would see of a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.content: dict[str, str] = {}
        self.open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open = dict(attrs).get("type") or tag

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        self.content[self.open] = self.content.get(self.open, "") + data


def embedded(html: str) -> Any:
    """The one explanation that a report holds."""
    (only,) = json.loads(Page(html).content["application/json"])["explanations"]
    packed = json.loads(zlib.decompress(base64.b64decode(only.pop("packed"))))
    return {**only, **packed}


def decoded(uri: str) -> np.ndarray[Any, Any]:
    kind, content = uri.split(",", 1)
    assert kind in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.promise(
    "app", "a page that is opened from disk", "its policy allows only the page itself"
)
def test_the_policy_allows_the_page_itself_and_nothing_else() -> None:
    page = Page(report_html(explanation()))
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv"))
    rules = dict(rule.split(" ", 1) for rule in (policy or "").split("; "))
    for kind, tag in (("style-src", "style"), ("script-src", "module")):
        digest = hashlib.sha256(page.content[tag].encode()).digest()
        assert rules.pop(kind) == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


@pytest.mark.promise("app", "a page without a network", "loads nothing")
def test_nothing_is_loaded_and_nothing_needs_what_the_policy_refuses() -> None:
    html = report_html(several()).replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?:|url\(|@import|import\(|\bfetch\(|innerHTML|\beval\b", html)
    for _, attributes in Page(html).tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert "src" not in attributes
        assert attributes.get("href") in (None, "data:,")


@pytest.mark.promise(
    "hostile words", "text that would end the page's script", "stays inside the script's data"
)
def test_hostile_text_stays_inside_the_data() -> None:
    plain = Page(report_html(explanation(reply=("word",) * len(HOSTILE))))
    result = explanation([picture(name=HOSTILE[0])], reply=HOSTILE, prompt=HOSTILE, notes=HOSTILE)
    html = report_html(result)
    assert [tag for tag, _ in Page(html).tags] == [tag for tag, _ in plain.tags]
    document = embedded(html)
    assert [token["text"] for token in document["tokens"]] == [*HOSTILE, *HOSTILE]
    assert document["media"][0]["name"] == HOSTILE[0]
    raw = html.split('type="application/json"')[1].split("</script>")[0].split(">", 1)[1]
    assert not set(raw) & set("<>&\u2028\u2029")


def test_maps_come_back_from_their_sprites() -> None:
    result = several()
    document = embedded(report_html(result))
    first = 0
    for held, item in zip(document["grids"], result.grids, strict=True):
        maps = decoded(held["sprites"]["maps"]).reshape(len(result.tokens), item.cells) / 255
        expected = result.maps[:, first : first + item.cells]
        np.testing.assert_allclose(maps, expected, atol=0.5 / 255 + 1e-6)
        first += item.cells


def test_stages_and_candidates_come_back_too() -> None:
    result = with_stages(several())
    document = embedded(report_html(result))
    stages, candidates = result.stages, result.candidate_maps
    assert stages is not None
    assert candidates is not None
    tops = np.array(document["activationTops"])[:, None]
    assert document["candidateMaps"] == 3
    layers = (
        ("activation", stages.activation, tops),
        ("afterEci", stages.after_eci, tops),
        ("candidates", candidates.reshape(-1, result.maps.shape[1]), 1),
    )
    for name, rows, scale in layers:
        first = 0
        for held, item in zip(document["grids"], result.grids, strict=True):
            found = decoded(held["sprites"][name]).reshape(-1, item.cells) / 255 * scale
            expected = rows[:, first : first + item.cells]
            assert np.all(np.abs(found - expected) <= (0.5 / 255 + 1e-6) * scale)
            first += item.cells
    plain = embedded(report_html(several()))
    assert [list(held["sprites"]) for held in plain["grids"]] == [["maps"]] * 4
    assert plain["activationTops"] is None


def test_a_target_without_any_raw_score() -> None:
    result = with_stages(explanation())
    assert result.stages
    result.stages.activation[3] = result.stages.after_eci[3] = 0
    document = embedded(report_html(result))
    assert document["activationTops"][3] == 0


def test_pictures_are_reduced_and_every_frame_of_a_clip_is_there() -> None:
    large = picture(2400, 4800)
    document = embedded(report_html(explanation([large])))
    assert decoded(document["media"][0]["frames"][0]).shape == (2048, 4096, 3)
    assert (document["media"][0]["width"], document["media"][0]["height"]) == (4800, 2400)
    moving = explanation([clip(4)], [grid(0, (1, 2, 2), (0.0, 0.0, 56.0, 40.0), spans=[(0, 4)])])
    frames = embedded(report_html(moving))["media"][0]["frames"]
    for uri, frame in zip(frames, moving.media[0].frames, strict=True):
        assert np.abs(decoded(uri).astype(int) - frame).mean() < 8


def test_the_title_is_the_reply() -> None:
    assert "<title>A grey greyhound on a bench. – Token Activation Map</title>" in report_html(
        explanation()
    )
    assert "&lt;/title&gt;" in report_html(explanation(reply=("</title>",)))


def test_the_report_is_the_same_every_time() -> None:
    assert report_html(several()) == report_html(several())


@pytest.mark.parametrize("reply", [(), ("one",)])
def test_small_conversations(reply: tuple[str, ...]) -> None:
    html = report_html(explanation([], [], prompt=(), reply=reply))
    assert [token["text"] for token in embedded(html)["tokens"]] == list(reply)


def test_the_size_beside_the_pictures() -> None:
    media = [picture(60, 80, seed=i) for i in range(4)]
    grids = [grid(i, (1, 24, 32), (0.0, 0.0, 80.0, 60.0), first=1000 * i) for i in range(4)]
    result = explanation(media, grids, reply=[" word"] * 200)
    y, x = np.mgrid[0:24, 0:32]
    bumps = [np.exp(-((x - i % 32) ** 2 + (y - i % 24) ** 2) / 40) for i in range(204)]
    result.maps[:] = np.tile(np.stack(bumps).reshape(204, -1), 4)
    html = report_html(result)
    pictures = sum(len(item["frames"][0]) for item in embedded(html)["media"])
    assert len(html) - pictures < 800_000
