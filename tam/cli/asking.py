"""From what was typed to a conversation: one question, a file of messages, or turn by turn."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.errors import ConversationError, TamError
from tam.files.reading import read_json
from tam.media import Media, Sampling, open_media
from tam.prompt.conversation import Conversation, from_messages, question
from tam.text.printable import one_line

if TYPE_CHECKING:
    from tam.model.model import Model
    from tam.model.options import Options


def opened_conversation(
    names: list[str],
    prompt: str,
    file: Path | None,
    *,
    sampling: Sampling | None,
    decoder: str,
    allow_urls: bool,
) -> Conversation:
    """Open the media of a question or of a file of messages, and say what was taken of clips.

    Raises
    ------
    ConversationError
        If both are given or neither, or the file cannot be read.
    MediaError
        If a picture or clip cannot be used.
    """

    def opened(name: str, wanted: Sampling | None, kind: str | None = None) -> Media:
        return opened_media(name, wanted, decoder=decoder, allow_urls=allow_urls, kind=kind)

    def beside(name: str, kind: str = "image", **own: Any) -> Media:
        return opened(_beside(file, name) if file else name, _with(sampling, own), kind)

    if file is not None:
        if names or prompt:
            raise ConversationError(
                "a conversation has its own pictures and texts",
                where=str(file),
                remedy="leave IMAGE and --prompt out",
            )
        return from_messages(_messages(file), beside)
    if not names:
        raise ConversationError(
            "there is no picture", where="IMAGE", remedy="name one, or use --conversation"
        )
    return question([opened(name, sampling) for name in names], prompt)


def sampling_asked(
    fps: float | None,
    num_frames: int | None,
    start: float | None,
    end: float | None,
    max_frames: int | None,
) -> Sampling | None:
    """What the options of a command ask of clips; None where none of them is given.

    Raises
    ------
    MediaError
        If a number makes no sense.
    """
    asked = {
        "fps": fps,
        "num_frames": num_frames,
        "start": start,
        "end": end,
        "max_frames": max_frames,
    }
    return _with(None, {name: value for name, value in asked.items() if value is not None})


def _with(sampling: Sampling | None, own: dict[str, Any]) -> Sampling | None:
    """A sampling with what a message says of its own clip; a rate and a number exclude each other.

    Raises
    ------
    MediaError
        If a number makes no sense.
    """
    if not own:
        return sampling
    if "fps" in own and "num_frames" not in own:
        own = {"num_frames": None, **own}
    return replace(sampling or Sampling(), **own)


def _beside(file: Path, name: str) -> str:
    """What a file of messages names: from the working folder, or from where the file itself is."""
    there = file.parent / name
    return str(there) if "://" not in name and not Path(name).exists() and there.exists() else name


def opened_media(name: str, sampling: Sampling | None, **options: Any) -> Media:
    """Open a picture or clip, and print what is to be known of it: the frames, budget and notes."""
    media = open_media(name, sampling=sampling, **options)
    told = list(media.notes)
    if media.kind == "video":
        first, last = media.times[[0, -1]]
        limit = sampling or Sampling()
        told = [
            f"{len(media.frames)} frames from {first:.2f} to {last:.2f} s",
            f"budget: {limit.max_frames} frames, {limit.max_pixels / 1e6:g} megapixels",
            *told,
        ]
    if told:
        print(one_line(f"{media.name}: {'; '.join(told)}"), file=sys.stderr)
    return media


_SHOW = "/image "


def talk(
    model: "Model",
    media: list[Media],
    out: Path | None,
    wanted: "Options",
    *,
    opened: Callable[[str], Media],
    force: bool = False,
) -> None:
    """Read what a person says line by line, and print each reply with its words colored.

    A line ``/image FILE`` shows a picture or clip, as ``opened``, with the next words; ``wanted``
    is asked of each reply.
    """
    from tam.render.terminal import show
    from tam.text.terminal import console

    chat = model.chat()
    terminal = console()
    shown = list(media)
    while True:
        try:
            said = terminal.input("[bold]> [/]").strip()
        except EOFError:
            return
        if not said:
            return
        try:
            if said.startswith(_SHOW):
                shown.append(opened(typed_name(said.removeprefix(_SHOW).strip())))
                continue
            result = chat.say(said, shown, **wanted)
            shown.clear()  # the conversation keeps them
            show(result, terminal)
            if out is not None:
                folder = out / f"reply-{len(chat.explanations)}"
                terminal.print(result.save(folder, force=force), soft_wrap=True)
        except TamError as error:
            print(f"tam: {one_line(str(error))}", file=sys.stderr)


def typed_name(typed: str) -> str:
    """Read a file's name as a shell would, unless there is a file of just that name.

    So come names with spaces: in quotes, or with backslashes where a terminal was dropped a file.
    """
    with suppress(OSError, ValueError):
        if not Path(typed).exists():
            names = shlex.split(typed, posix=os.name != "nt")
            return names[0].strip("\"'") if len(names) == 1 else typed
    return typed


def _messages(file: Path) -> Any:
    return read_json(file, remedy="give a JSON list of messages", kind=ConversationError)
