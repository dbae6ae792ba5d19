"""The web app, used in a real browser."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tam.app.server import application
from tam.app.sessions import IDLE_SECONDS, Sessions

DEMO = Path(__file__).parents[2] / "tam" / "scenes" / "demo.png"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the app to this machine, with a small limit of uploads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = application(["small", "photo"], upload_mb=1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def asked(address: str, method: str, path: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(address)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.promise("app", "a request for another host or from another page", "refused")
def test_other_hosts_other_pages_and_no_session_are_refused(address: str) -> None:
    assert asked(address, "GET", "/", Host="evil.example")[0] == 400
    status, said = asked(address, "POST", "/api/begin")
    assert (status, "not asked by the app's page" in said) == (400, True)
    status, said = asked(address, "GET", "/report/0")
    assert (status, json.loads(said)["error"]) == (
        400,
        "app: the session is over; load the page again",
    )
    assert asked(address, "GET", "/static/server.py")[0] == 404


def test_a_session_ends_when_it_was_idle() -> None:
    now = [0.0]
    sessions = Sessions("small", lambda: now[0])
    key, session = sessions.begin()
    assert sessions.find(key) is session
    now[0] = IDLE_SECONDS + 1
    assert sessions.find(key) is None
    assert sessions.find(None) is None


def told(page: Page, text: str) -> None:
    expect(page.locator("#told")).to_contain_text(text, timeout=30_000)


@pytest.mark.promise("app", "files that one person shows the app", "nobody else can access them")
def test_the_app_from_a_picture_to_a_hidden_region(
    address: str, browser: Browser, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    said: list[str] = []
    requests: list[str] = []
    # A refused request is told on the page; the browser's own line about it is no message of ours.
    page.on("console", lambda m: said.append(m.text) if "Failed to load" not in m.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"http://{address}/")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Ask").click()
    told(page, "no picture is given; upload one or choose an example")
    (tmp_path / "notes.png").write_text("not a picture")
    page.locator("#file").set_input_files(tmp_path / "notes.png")
    told(page, "notes.png: ")
    (tmp_path / "large.png").write_bytes(bytes(1_500_000))
    page.locator("#file").set_input_files(tmp_path / "large.png")
    told(page, "large.png: is larger than 1 MB; send a smaller one")

    page.locator("#file").set_input_files(DEMO)
    expect(page.locator(".waiting li")).to_have_text("demo.png")
    page.get_by_role("button", name="Ask").click()
    viewer = page.frame_locator("#viewer")
    viewer.locator("html[data-ready]").wait_for(state="attached", timeout=90_000)
    reply = page.locator("button.reply")
    assert len(reply.locator("span").all()) > 5
    assert not re.search(r" [,.]", reply.inner_text()), "spelled as the model wrote it"
    # While the model wrote, the map of each word was shown; of these the last one is still there.
    assert (page.locator("#liveMap").get_attribute("src") or "").startswith("data:image/")
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator(".waiting li")).to_have_count(0)
    viewer.locator(".reply .word", has_text="ring").first.click()
    assert viewer.locator(".chosen-word").inner_text() == "ring"

    box = viewer.locator(".frame").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] - 10, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Hide the region").click()
    expect(page.locator(".loss.fell").first).to_be_visible(timeout=60_000)
    assert re.fullmatch(r"\S+ \d+\.\d % → \d+\.\d %", page.locator(".loss").first.inner_text())

    page.get_by_role("button", name="Code").click()
    program = page.locator("#program")
    expect(program).to_contain_text("chat.say('Describe this image.', ['demo.png'], method='tam')")
    compile(program.inner_text(), "program", "exec")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the report").click()
    report = Path(waiting.value.path()).read_text("utf-8")
    assert report.startswith("<!DOCTYPE html>")

    page.locator("#text").fill("What color is the circle?")
    page.keyboard.press("Enter")
    expect(reply).to_have_count(2, timeout=60_000)
    page.reload()
    expect(reply).to_have_count(2)
    other = browser.new_context().new_page()
    other.goto(f"http://{address}/")
    expect(other.locator("#empty")).to_be_visible()
    assert other.request.get(f"http://{address}/report/0").status == 400
    other.context.close()
    page.get_by_role("button", name="New conversation").click()
    expect(reply).to_have_count(0)
    assert page.request.get(f"http://{address}/report/0").status == 400
    assert said == []
    local = (f"http://{address}/", "data:", "blob:")
    assert [url for url in requests if not url.startswith(local)] == []
    context.close()
