"""The documentation site builds without warnings, opens from disk and has every public name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page
from sphinx.util.inventory import InventoryFile

from tests import forked

ROOT = Path(__file__).parents[2]
PHONE, SCREEN = {"width": 390, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of `make docs` in a temporary folder."""
    folder = tmp_path_factory.mktemp("site")
    built = forked.script(ROOT / "docs" / "make_site.py", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "html"


@pytest.fixture
def opened(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """Open a browser page, and record its console messages and network requests."""
    page = browser.new_page(viewport=SCREEN)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if is_remote(request.url) else None)
    yield page, said
    page.close()


def is_remote(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:"))


@dataclass
class Links(HTMLParser):
    """The ids of a page, the targets of its links and the files that it loads."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given["id"]} if "id" in given else set()
        if "href" in given:
            (self.links if tag == "a" else self.loads).append(given["href"])
        if "src" in given:
            self.loads.append(given["src"])


def read(page: Path) -> Links:
    links = Links()
    links.feed(page.read_text("utf-8"))
    return links


def test_what_is_documented_is_what_all_says(site: Path) -> None:
    public, modules = set(), set()
    for path in (ROOT / "tam").rglob("*.py"):
        if re.search(r"^__all__ = ", path.read_text("utf-8"), re.MULTILINE):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            modules.add(name)
            public |= {f"{name}.{member}" for member in import_module(name).__all__}
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    documented = {name: kind for kind, names in inventory.items() for name in names}
    assert {name for name, kind in documented.items() if kind == "py:module"} == modules
    outermost = {
        name
        for name, kind in documented.items()
        if kind.startswith("py:") and name.rpartition(".")[0] in modules and name not in modules
    }
    assert outermost == public - modules
    assert len(public) > 100


def test_no_link_leads_nowhere(site: Path) -> None:
    pages = {page: read(page) for page in site.rglob("*.html") if "reports" not in page.parts}
    assert len(pages) > 20
    for page, found in pages.items():
        for link in found.links + found.loads:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                assert link in found.links, f"{page.name} loads {link}"
                continue
            assert parts.scheme in ("", "data"), link
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file(), f"{page.name}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids | {""}, f"{page.name}: {link}"


def test_every_page_opens_from_disk_and_says_nothing_on_the_console(
    site: Path, opened: tuple[Page, list[str]]
) -> None:
    page, said = opened
    page.set_viewport_size(PHONE)
    for path in sorted(site.rglob("*.html")):
        if "reports" not in path.parts:
            page.goto(path.as_uri(), wait_until="load")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], f"{path.name} is wider than a phone"
    assert said == []


def test_it_is_light_or_dark_as_the_reader_is(site: Path, opened: tuple[Page, list[str]]) -> None:
    page, said = opened
    page.goto((site / "start.html").as_uri())
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        style = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = max(int(value) for value in re.findall(r"\d+", style)[:3])
    assert brightness["light"] > 200 > 60 > brightness["dark"]
    assert said == []


def test_its_search_finds_phrase(site: Path, opened: tuple[Page, list[str]]) -> None:
    page, said = opened
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=q]").fill("phrase")
    page.locator("input[name=q]").press("Enter")
    page.locator("#search-results", has_text="Search finished").wait_for()
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("phrase" in text for text in found), found  # the method itself
    assert "The word" in " ".join(found)
    assert said == []


def test_the_gallery_shows_ten_reports_alive(site: Path, opened: tuple[Page, list[str]]) -> None:
    page, said = opened
    page.goto((site / "gallery.html").as_uri())
    frames = page.locator("iframe.report")
    assert frames.count() == 10
    for index in range(10):
        frames.nth(index).scroll_into_view_if_needed()
        report = frames.nth(index).content_frame
        report.locator("html[data-ready]").wait_for(state="attached")
        word = report.locator("button.word, .word").last
        word.click()
        assert "Map of" in report.locator("body").inner_text()
    assert said == []
