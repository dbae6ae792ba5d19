"""The console that writes colored text to a terminal."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tam.text.printable import printable


class FitConsole(Console):
    """A console whose texts are fit for a terminal; its own colors and positions pass."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render something, without what could steer the terminal."""
        for segment in super().render(renderable, options):
            fit = segment.control or segment.text.isprintable()
            yield segment if fit else Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Leave it to the command line how it ends when nobody reads on."""
        raise  # the BrokenPipeError that is being handled
