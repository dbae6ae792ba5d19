"""The console that writes colored text to a terminal."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tam.text.printable import printable


class FitConsole(Console):
    """A console that strips control sequences from texts but writes its own colors."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render an object without the control sequences in its texts."""
        for segment in super().render(renderable, options):
            fit = segment.control or segment.text.isprintable()
            yield segment if fit else Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Let the command line handle a closed output."""
        raise  # re-raises the current BrokenPipeError
