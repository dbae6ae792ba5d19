"""The conversation that a command is given: a question, or a file of messages."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tam.errors import ConversationError
from tam.files.reading import read_json
from tam.media import Cut, Media, Sampling, open_media
from tam.prompt.conversation import Conversation, from_messages, question
from tam.text.printable import one_line


def opened_conversation(
    names: list[str],
    prompt: str,
    file: Path | None,
    *,
    sampling: Sampling | None,
    decoder: str,
    allow_urls: bool,
    cut: Cut | None = None,
) -> Conversation:
    """Open the media of a question or of a file of messages, and print the frames of clips.

    Raises
    ------
    ConversationError
        If both or neither are given, or the file cannot be read.
    MediaError
        If a picture or clip cannot be used.
    """

    def opened(name: str, wanted: Sampling | None, kind: str | None = None) -> Media:
        return opened_media(
            name,
            sampling=wanted,
            decoder=decoder,
            allow_urls=allow_urls,
            kind=kind,
            cut=cut,
        )

    def beside(name: str, kind: str = "image", **own: Any) -> Media:
        return opened(_beside(file, name) if file else name, changed(sampling, own), kind)

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
            "no picture is given", where="IMAGE", remedy="name one, or use --conversation"
        )
    return question([opened(name, sampling) for name in names], prompt)


def changed(sampling: Sampling | None, own: dict[str, Any]) -> Sampling | None:
    """Return a sampling with some settings changed; a new frame rate clears ``num_frames``.

    Raises
    ------
    MediaError
        If a number is out of range.
    """
    if not own:
        return sampling
    if "fps" in own and "num_frames" not in own:
        own = {"num_frames": None, **own}
    return replace(sampling or Sampling(), **own)


def _beside(file: Path, name: str) -> str:
    """Find a file that a message names, in the working folder or beside the message file."""
    there = file.parent / name
    return str(there) if "://" not in name and not Path(name).exists() and there.exists() else name


def opened_media(name: str, *, sampling: Sampling | None, **options: Any) -> Media:
    """Open a picture or clip, and print its frames, its budget and its notes."""
    media = open_media(name, sampling=sampling, **options)
    told = list(media.notes)
    if media.kind == "video":
        first, last = media.times[[0, -1]]
        limit, count = sampling or Sampling(), len(media.frames)
        span = f"{count} frames from {first:.2f} to {last:.2f} s"
        if not media.axis.is_time:
            span = f"from {media.place(0)} to {media.place(count - 1)}"
        told = [
            span,
            f"budget: {limit.max_frames} frames, {limit.max_pixels / 1e6:g} megapixels",
            *told,
        ]
    if told:
        print(one_line(f"{media.name}: {'; '.join(told)}"), file=sys.stderr)
    return media


def _messages(file: Path) -> Any:
    return read_json(file, remedy="give a JSON list of messages", kind=ConversationError)
