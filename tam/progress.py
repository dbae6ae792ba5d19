"""Progress bars: on standard error, and only where a person watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tam.text import terminal


@contextmanager
def progress(
    label: str, total: int | None = None, *, shown: bool = True
) -> Iterator[Callable[[], None]]:
    """Show a bar for as long as the block runs.

    Parameters
    ----------
    label
        What is being done.
    total
        How many steps it has at most, where that is known.
    shown
        False where something else tells how far the work is.

    Yields
    ------
    A function that counts one step.
    """
    console = terminal.console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    ) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
