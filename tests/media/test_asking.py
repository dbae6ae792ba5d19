"""From the command line and from messages: whether a clip is asked for, and which frames of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam.cli.asking import opened_conversation
from tam.cli.groups import Clips
from tam.errors import ConversationError, MediaError
from tam.media import Sampling
from tam.prompt.conversation import Conversation
from tests.media.numbered import numbers_of, painted, write


def asked(tmp_path: Path, *names: str, part: dict | None = None, **options: object) -> Conversation:
    file = None
    if part is not None:
        file = tmp_path / "talk.json"
        content = [part, {"type": "text", "text": "What moves?"}]
        file.write_text(json.dumps([{"role": "user", "content": content}]))
    sampling = options.get("sampling")
    assert sampling is None or isinstance(sampling, Sampling)
    return opened_conversation(
        [str(tmp_path / name) for name in names],
        "" if file else "What moves?",
        file,
        sampling=sampling,
        decoder="pyav",
        allow_urls=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "clip.mp4", range(40))
    first, *others = [Image.fromarray(painted(number)) for number in range(10)]
    first.save(tmp_path / "anim.gif", save_all=True, append_images=others, duration=100)
    first.save(tmp_path / "photo.png")
    return tmp_path


def frames_of(conversation: Conversation) -> list[list[int]]:
    return [numbers_of(media.frames) for _, media in conversation.media]


def test_options_of_a_clip_ask_for_a_clip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("anim.gif", "photo.png", "clip.mp4")
    assert frames_of(asked(folder, *names)) == [[0], [0], [0, 12, 25, 37]]
    assert "anim.gif: the first of 10 frames is shown" in capsys.readouterr().err
    given = Clips(fps=5).sampling
    assert frames_of(asked(folder, *names, sampling=given))[:2] == [[0, 2, 4, 6, 8], [0]]
    assert "anim.gif: 5 frames from 0.00 to 0.80 s" in capsys.readouterr().err


def test_what_is_asked_is_what_was_given() -> None:
    assert Clips().sampling is None
    assert Clips(fps=2.0).sampling == Sampling()
    assert Clips(num_frames=3, max_frames=8, start=1.0, end=2.0).sampling == Sampling(
        2.0, 3, 1.0, 2.0, 8
    )
    for wrong in (float("inf"), float("nan"), 0.0, -1.0):
        with pytest.raises(MediaError, match="is not possible"):
            _ = Clips(fps=wrong).sampling
    with pytest.raises(MediaError, match="is not possible"):
        _ = Clips(start=float("inf")).sampling


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [0, 12, 25, 37]),
        ({"fps": 5}, [0, 5, 10, 15, 20, 25, 30, 35]),
        ({"fps": 5.0, "max_frames": 2}, [0, 20]),
        ({"num_frames": 4}, [0, 10, 20, 30]),
        ({"nframes": 4, "video_start": 0.8}, [20, 25, 30, 35]),
        ({"fps": 5, "start": 0.4, "end": 0.8}, [10, 15]),
        ({"fps": None}, [0, 12, 25, 37]),
    ],
)
def test_what_a_message_says_of_its_clip_counts(
    folder: Path, more: dict, expected: list[int]
) -> None:
    part = {"type": "video", "path": "clip.mp4", **more}
    assert frames_of(asked(folder, part=part)) == [expected]


def test_a_message_outweighs_the_options(folder: Path) -> None:
    part = {"type": "video", "path": "clip.mp4", "fps": 5}
    both = asked(folder, part=part, sampling=Sampling(num_frames=2, start=0.4))
    assert frames_of(both) == [[10, 15, 20, 25, 30, 35]]


@pytest.mark.promise(
    "conversations",
    "a message that declares a file to be a picture or a clip",
    "opened as declared",
)
def test_a_message_says_whether_it_is_a_picture_or_a_clip(folder: Path) -> None:
    for kind, expected in (("video", [0, 5]), ("image", [0])):
        part = {"type": kind, "path": "anim.gif"}
        assert frames_of(asked(folder, part=part)) == [expected]
    with pytest.raises(MediaError, match="is a clip where a picture is wanted"):
        asked(folder, part={"type": "image", "path": "clip.mp4"})
    (_, media), *_ = asked(folder, part={"type": "video", "path": "photo.png"}).media
    assert (media.kind, np.shape(media.frames)[0]) == ("video", 1)


@pytest.mark.promise(
    "conversations", "impossible sampling options in a message", "refused with a one-line error"
)
@pytest.mark.parametrize("wrong", [{"fps": "2"}, {"fps": True}, {"num_frames": 2.5}, {"end": []}])
def test_what_a_message_says_wrongly_is_one_line(folder: Path, wrong: dict) -> None:
    with pytest.raises(ConversationError, match="is not a"):
        asked(folder, part={"type": "video", "path": "clip.mp4", **wrong})
    with pytest.raises(MediaError, match="not possible"):
        asked(folder, part={"type": "video", "path": "clip.mp4", "fps": -1})
