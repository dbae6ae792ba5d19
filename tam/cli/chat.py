"""``tam chat``: a conversation line by line, each reply explained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tam.cli.groups import Clips, Loading, Reply, grouped
from tam.cli.options import Force, Model

if TYPE_CHECKING:
    from tam.media import Media


@grouped
def chat(
    image: Annotated[
        list[str] | None,
        typer.Option("--image", "-i", help="A picture or clip to show with your first words."),
    ] = None,
    model: Model = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for a report of each reply.")
    ] = None,
    loading: Loading = Loading(),
    reply: Reply = Reply(),
    clips: Clips = Clips(),
    force: Force = False,
) -> None:
    """Talk with a model, turn by turn; an empty line ends it.

    A line "/image FILE" shows a picture, video or folder of frames with your next words; "/help"
    prints the other commands.
    """
    from tam.cli.asking import opened_media
    from tam.cli.talking import talk
    from tam.report.folder import check_output

    if out is not None:
        check_output(out / "reply-1", force=force)
    wanted = reply.options()
    opening = clips.opening

    def opened(name: str) -> "Media":
        return opened_media(name, **opening)

    shown = [opened(name) for name in image or []]
    from tam.model.loading import load

    talk(load(model, **vars(loading)), shown, out, wanted, opened=opened, force=force)
