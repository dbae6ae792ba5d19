"""Looking closer: zoom, moving, hiding the map, and the room that pictures and text get."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.hand_made import explanation, grid, picture, several
from tests.report.pages import PHONE, Open, at, word


def scale(page: Page) -> float:
    value: str = page.locator(".frame").first.evaluate("(e) => e.style.getPropertyValue('--zoom')")
    return float(value)


def test_zooming_and_moving_reach_every_pixel(open_report: Open) -> None:
    page = open_report(explanation())
    place = at(page, 16, 12)
    page.mouse.move(*place)
    page.mouse.wheel(0, -600)
    expect(page.locator(".port").first).to_have_class("port zoomed")
    assert 4 < scale(page) < 5
    np.testing.assert_allclose(at(page, 16, 12), place, atol=4)  # it grew about the pointer
    readout = page.locator("#readout")
    page.mouse.move(*at(page, 16.5, 12.5))
    expect(readout).to_contain_text("at 16, 12")
    # The middle button drags the picture, and it never leaves its window.
    page.mouse.down(button="middle")
    page.mouse.move(place[0] + 2000, place[1] + 2000, steps=4)
    page.mouse.up(button="middle")
    port = page.locator(".port").first.bounding_box()
    frame = page.locator(".frame").first.bounding_box()
    assert port
    assert frame
    np.testing.assert_allclose([frame["x"], frame["y"]], [port["x"], port["y"]], atol=1)
    assert page.locator(".region").count() == 0, "moving frames no region"
    page.locator(".frame").first.focus()
    page.keyboard.press("Control+ArrowRight")
    moved = page.locator(".frame").first.bounding_box()
    assert moved
    assert moved["x"] == pytest.approx(frame["x"] - 60, abs=1)
    page.keyboard.press("0")
    assert scale(page) == 1
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.25)
    word(page, 6).click()
    assert scale(page) == pytest.approx(1.25), "another word keeps what one looks at"
    page.get_by_role("button", name="Whole picture").click()
    page.mouse.move(*place)
    page.mouse.wheel(0, 300)
    expect(page.locator(".top")).not_to_be_in_viewport(ratio=1)
    assert scale(page) == 1, "outwards the page scrolls"


def test_two_fingers_zoom(open_report: Open) -> None:
    page = open_report(explanation(), **PHONE)
    box = page.locator(".port").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, spread in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x - spread, "y": y}, {"x": x + spread, "y": y}] if spread else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert scale(page) == pytest.approx(4, rel=0.1)


def test_the_map_is_hidden_while_a_key_is_held(open_report: Open) -> None:
    page = open_report(explanation())
    heat = page.locator(".heat").first
    page.keyboard.down("h")
    expect(heat).to_be_hidden()
    page.keyboard.up("h")
    expect(heat).to_be_visible()
    page.locator("#hide").hover()
    page.mouse.down()
    expect(heat).to_be_hidden()
    page.mouse.up()
    expect(heat).to_be_visible()


def in_sight(page: Page, selector: str) -> int:
    return int(
        page.evaluate(
            """(selector) => [...document.querySelectorAll(selector)].filter((e) => {
                 const box = e.getBoundingClientRect();
                 const middle = [box.x + box.width / 2, box.y + box.height / 2];
                 const on = document.elementFromPoint(...middle);
                 return on && on !== document.body && (e.contains(on) || on.contains(e));
               }).length""",
            selector,
        )
    )


def test_a_long_reply_uses_the_window(open_report: Open) -> None:
    spoken = ["grey", "dog", "lies", "on", "wooden", "bench", "beside", "a", "bicycle", "and"]
    result = explanation([picture(480, 640)], reply=[f" {spoken[i % 10]}" for i in range(226)])
    page = open_report(result, viewport={"width": 1440, "height": 900})
    assert in_sight(page, ".reply .word") > 180
    for selector in (".keys", "#ramp", ".chosen-word", ".meters"):
        assert in_sight(page, selector) == 1, selector
    page.locator(".scroll").evaluate("(e) => { e.scrollTop = 1e6; }")
    assert in_sight(page, ".keys") == 1, "the legend stays"


@pytest.mark.parametrize(
    ("count", "size", "shares"),
    [(6, (480, 640), 0.10), (1, (300, 1800), 0.12), (1, (1800, 300), 0.02)],
    ids=["six", "wide", "tall"],
)
def test_pictures_of_every_shape_are_in_sight(
    open_report: Open, count: int, size: tuple[int, int], shares: float
) -> None:
    media = [picture(*size, f"{i}.png", seed=i) for i in range(count)]
    whole = (0.0, 0.0, float(size[1]), float(size[0]))
    grids = [grid(i, (1, 4, 4), whole, first=100 * i) for i in range(count)]
    page = open_report(explanation(media, grids), viewport={"width": 1440, "height": 900})
    boxes = [frame.bounding_box() for frame in page.locator(".frame").all()]
    assert len(boxes) == count
    area = 0.0
    for box in boxes:
        assert box
        assert box["y"] + box["height"] < 900
        assert box["width"] / box["height"] == pytest.approx(size[1] / size[0], rel=0.02)
        area += box["width"] * box["height"]
    assert area / (1440 * 900) > shares
    assert in_sight(page, "#ramp") == 1


def test_a_clip_beside_pictures_fits(open_report: Open) -> None:
    page = open_report(several(), viewport={"width": 1280, "height": 860})
    assert in_sight(page, ".frame") == 3
    assert in_sight(page, ".track") == 1
