"""Reports opened in a headless browser."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tam.explanation.explanation import Explanation
from tam.report import comparison_html, report_html


@dataclass
class Watch:
    """What a page did that it must not do."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def context_with(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A context with the network off and given options, one for all tests that ask for the same.

    A report stores nothing in its browser, so pages of one context know nothing of each other, and
    a page in an opened context starts three times as fast as one in a context of its own.
    """
    opened: dict[str, BrowserContext] = {}

    def with_options(**options: Any) -> BrowserContext:
        key = json.dumps(options, sort_keys=True)
        if key not in opened:
            opened[key] = browser.new_context(offline=True, **options)
        return opened[key]

    yield with_options
    for context in opened.values():
        assert context.storage_state() == {"cookies": [], "origins": []}
        context.close()


@pytest.fixture
def open_report(
    context_with: Callable[..., BrowserContext], tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """Open the report of an explanation, or of two, from disk with the network off.

    Afterwards no opened page may have said anything on its console or asked for anything.
    """
    watch = Watch()
    pages: list[Page] = []

    def open_page(
        explanation: Explanation, beside: Explanation | None = None, **options: Any
    ) -> Page:
        path = tmp_path / f"{len(pages)}.html"
        html = (
            report_html(explanation)
            if beside is None
            else comparison_html([explanation, beside], options.pop("labels", ("left", "right")))
        )
        path.write_bytes(html.encode("utf-8", "replace"))
        options.setdefault("viewport", {"width": 1280, "height": 860})
        page = context_with(**options).new_page()
        pages.append(page)
        page.on("console", lambda message: watch.messages.append(message.text))
        page.on("pageerror", lambda error: watch.messages.append(str(error)))
        page.on("dialog", lambda dialog: watch.messages.append(dialog.message))
        page.on("request", lambda request: watch.requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert watch.messages == []
    files = {url.split("#")[0] for url in watch.requests if not url.startswith(("data:", "about:"))}
    assert len(files) == len(pages)
    assert all(url.startswith("file:") for url in files)
