"""Reports opened in a headless browser."""

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


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open the report of an explanation, or of two, from disk with the network off.

    Afterwards no opened page may have said anything on its console or asked for anything.
    """
    watch = Watch()
    contexts: list[BrowserContext] = []

    def open_page(
        explanation: Explanation, beside: Explanation | None = None, **options: Any
    ) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        html = (
            report_html(explanation)
            if beside is None
            else comparison_html([explanation, beside], options.pop("labels", ("left", "right")))
        )
        path.write_bytes(html.encode("utf-8", "replace"))
        options.setdefault("viewport", {"width": 1280, "height": 860})
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: watch.messages.append(message.text))
        page.on("pageerror", lambda error: watch.messages.append(str(error)))
        page.on("dialog", lambda dialog: watch.messages.append(dialog.message))
        page.on("request", lambda request: watch.requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.messages == []
    files = {url.split("#")[0] for url in watch.requests if not url.startswith(("data:", "about:"))}
    assert len(files) == len(contexts)
    assert all(url.startswith("file:") for url in files)
