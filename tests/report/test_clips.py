import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.hand_made import several
from tests.report.pages import Open, assert_shows, canvas, index_of, word


def heights(page: Page) -> list[float]:
    """The value of each frame on the curve."""
    path = page.locator(".curve .stroke").get_attribute("d") or ""
    points = [part.split("H")[0].split(" ")[1] for part in path.replace("M", "L").split("L")[1:]]
    return [1 - float(y) for y in points]


def middle_of_frame(track: Locator, frame: int, frames: int) -> tuple[float, float]:
    box = track.bounding_box()
    assert box
    return box["x"] + (frame + 0.5) / frames * box["width"], box["y"] + box["height"] / 2


def test_the_scrubber_shows_each_frame_with_its_map(open_report: Open) -> None:
    result = several()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    image = page.locator(".frame img").nth(2)
    page.locator(".scrub").fill("0")
    before = image.get_attribute("src")
    slider = page.get_by_role("slider", name="Frame of clip 3")
    slider.fill("2")
    assert "frame 3 of 4 at 1.00 s" in page.locator(".when").inner_text()
    assert image.get_attribute("src") != before
    assert_shows(canvas(page, ".heat[data-media='2']"), result.words[5].map(2, 2))
    slider.press("ArrowLeft")
    assert "frame 2 of 4 at 0.50 s" in (slider.get_attribute("aria-valuetext") or "")
    page.mouse.click(*middle_of_frame(page.locator(".track"), 3, 4))
    assert "frame 4 of 4" in page.locator(".when").inner_text()


def test_the_curve_is_the_evidence_over_time(open_report: Open) -> None:
    result = several()
    page = open_report(result)
    page.locator(".scrub").fill("0")
    for text in ("bench", "grey"):
        index = index_of(result, text)
        word(page, index).click()
        item = result.words[index - len(result.prompt_words)]
        np.testing.assert_allclose(heights(page), item.over_time(2), atol=0.5 / 255 + 1e-6)
        assert f"evidence {item.over_time(2)[0]:.2f}" in page.locator(".when").inner_text()


def test_playing_goes_through_the_frames_and_begins_again(open_report: Open) -> None:
    result = several()
    page = open_report(result, reduced_motion="reduce")
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # time passes only where the test lets it
    word(page, index_of(result, "bench")).click()
    page.locator(".scrub").fill("0")
    page.get_by_role("button", name="Play").click()
    seen = []
    for milliseconds in (500, 500, 500, 1000):
        page.clock.run_for(milliseconds)
        seen.append(page.locator(".when").inner_text().split(" at")[0])
        frame = int(page.locator(".scrub").input_value())
        assert_shows(canvas(page, ".heat[data-media='2']"), result.words[5].map(2, frame))
    assert seen == [f"frame {number} of 4" for number in (2, 3, 4, 1)]
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(2000)
    assert page.locator(".when").inner_text().startswith("frame 1 ")


def test_pictures_have_no_timeline(open_report: Open) -> None:
    expect(open_report(several()).locator(".timeline")).to_have_count(1)


def test_the_frame_where_a_word_is_highest_is_one_click_away(open_report: Open) -> None:
    result = several()
    result.maps[result.words[5].targets[0], -1] = 1  # the last cell of the clip's last frames
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    assert page.locator(".where").inner_text().startswith("highest at ")
    page.locator(".scrub").fill("0")
    page.get_by_role("button", name="Show frame 3").click()
    assert "frame 3 of 4" in page.locator(".when").inner_text()
    word(page, index_of(result, "grey")).click()
    assert "frame 3 of 4" in page.locator(".when").inner_text(), "another word keeps the frame"


def test_a_clip_opens_on_the_frame_where_its_first_word_is_highest(open_report: Open) -> None:
    result = several()
    result.maps[:] *= 0.5
    result.maps[result.words[5].targets[0], -1] = 1
    page = open_report(result)
    assert page.locator(".chosen-word").inner_text() == "bench"
    assert "frame 3 of 4" in page.locator(".when").inner_text()
