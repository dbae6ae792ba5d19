"""Progress bars on standard error, shown on terminals only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tam.text import terminal


@contextmanager
def progress(
    label: str, total: int | None = None, *, shown: bool = True
) -> Iterator[Callable[[], None]]:
    """Show a progress bar while the block runs.

    Parameters
    ----------
    label
        The work in progress.
    total
        The maximum number of steps, if known.
    shown
        Whether to show the bar.

    Yields
    ------
    A function that advances the bar by one step.
    """
    console = terminal.console(stderr=True)
    if not (shown and console.is_terminal):
        yield lambda: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
