"""From what was typed to a conversation: one question, a file of messages, or turn by turn."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tam.errors import ConversationError, InputError, TamError

if TYPE_CHECKING:
    from tam.media import Media, Sampling
    from tam.model.model import Model
    from tam.model.options import Options
    from tam.prompt.conversation import Conversation


def opened_conversation(
    names: list[str],
    prompt: str,
    file: Path | None,
    *,
    sampling: "Sampling | None",
    decoder: str,
    allow_urls: bool,
) -> "Conversation":
    """Open the media of a question or of a file of messages, and say what was taken of clips.

    Raises
    ------
    ConversationError
        If both are given or neither, or the file cannot be read.
    MediaError
        If a picture or clip cannot be used.
    """
    from tam.prompt.conversation import from_messages, question

    def opened(name: str, wanted: "Sampling | None", kind: str | None = None) -> "Media":
        return opened_media(name, wanted, decoder=decoder, allow_urls=allow_urls, kind=kind)

    def beside(name: str, kind: str = "image", **own: Any) -> "Media":
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
) -> "Sampling | None":
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


def _with(sampling: "Sampling | None", own: dict[str, Any]) -> "Sampling | None":
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
    from tam.media import Sampling

    return replace(sampling or Sampling(), **own)


def reply_options(
    *,
    max_new_tokens: int,
    seed: int | None,
    sample: bool,
    method: str,
    method_option: Sequence[str] | None,
    stages: bool,
    candidate_maps: int,
    option: Sequence[str] | None,
    answer: str | None = None,
) -> "Options":
    """Make the options of a reply out of what was typed, and check its method.

    Raises
    ------
    InputError
        If an option is not of the form NAME=VALUE, or there is no such method or option of it.
    """
    from tam.model.options import check_candidate_maps, chosen

    written: Options = {"answer": answer, "max_new_tokens": max_new_tokens, "seed": seed}
    explained: Options = {
        "method": method,
        "method_options": named_values(method_option or (), "--method-option"),
        "stages": stages,
        "candidate_maps": candidate_maps,
    }
    check_candidate_maps(chosen(explained), candidate_maps)
    # The model's own default decides where nothing is to be sampled.
    sampled: Options = {"do_sample": True} if sample else {}
    more: Any = named_values(option or (), "--option")
    found: Options = {**written, **explained, **sampled, **more}
    return found


def named_values(given: Sequence[str], where: str) -> dict[str, Any]:
    """Read options, each ``NAME=VALUE``; a value is JSON, or else text.

    Raises
    ------
    InputError
        If one is of another form.

    Examples
    --------
    >>> named_values(["layer=1", "heads=[0, 2]", "fill=mean"], "--method-option")
    {'layer': 1, 'heads': [0, 2], 'fill': 'mean'}
    """
    options = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(
                f"{item!r} is not of the form NAME=VALUE",
                where=where,
                remedy="write a name and a value, such as layer=1",
            )
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _beside(file: Path, name: str) -> str:
    """What a file of messages names: from the working folder, or from where the file itself is."""
    there = file.parent / name
    return str(there) if "://" not in name and not Path(name).exists() and there.exists() else name


def opened_media(name: str, sampling: "Sampling | None", **options: Any) -> "Media":
    """Open a picture or clip, and print what is to be known of it: the frames, budget and notes."""
    from tam.media import Sampling, open_media

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
        print(f"{media.name}: {'; '.join(told)}", file=sys.stderr)
    return media


_SHOW = "/image "


def talk(
    model: "Model",
    media: "list[Media]",
    out: Path | None,
    wanted: "Options",
    *,
    opened: "Callable[[str], Media]",
    force: bool = False,
) -> None:
    """Read what a person says line by line, and print each reply with its words colored.

    A line ``/image FILE`` shows a picture or clip, as ``opened``, with the next words; ``wanted``
    is asked of each reply.
    """
    from rich.console import Console

    from tam.render.terminal import show

    chat = model.chat()
    console = Console()
    shown = list(media)
    while True:
        try:
            said = console.input("[bold]> [/]").strip()
        except EOFError:
            return
        if not said:
            return
        try:
            if said.startswith(_SHOW):
                shown.append(opened(said.removeprefix(_SHOW).strip()))
                continue
            result = chat.say(said, shown, **wanted)
            shown.clear()  # the conversation keeps them
            show(result, console)
            if out is not None:
                folder = out / f"reply-{len(chat.explanations)}"
                console.print(result.save(folder, force=force), soft_wrap=True)
        except TamError as error:
            print(f"tam: {error}", file=sys.stderr)


def _messages(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConversationError(
            f"cannot be read ({error.strerror})", where=str(file), remedy="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConversationError(
            "is not JSON", where=str(file), remedy="give a JSON list of messages"
        ) from error
