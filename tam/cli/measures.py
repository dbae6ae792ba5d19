"""Print the tables of ``tam evaluate`` in a terminal, split so that no column is cut off."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tam.evaluate.tables import LEAST_ITEMS, SENSES

Figures = tuple[str, list[str], list[list[str]]]
"""A table: its title, its headings, and its rows, each of which begins with a method."""

_EDGES = 3
"""The width of a column beyond its text, in characters: two spaces and a line."""


def print_measures(tables: Sequence[Figures], reference: str, console: Console) -> None:
    """Print tables of measures, split so that no cell is cut off, and explain the marks.

    Parameters
    ----------
    tables
        From :func:`tam.evaluate.tables.printed`.
    reference
        The method that the others are compared with.
    console
        The console to print on.
    """
    if not tables:
        console.print("No word or item has any of the measures.")
        return
    for title, header, rows in tables:
        for number, columns in enumerate(_fitting(header, rows, console.width)):
            table = Table(title="" if number else escape(title), title_justify="left")
            for column in columns:
                table.add_column(
                    escape(header[column]), no_wrap=True, justify="right" if column else "left"
                )
            for row in rows:
                table.add_row(*(escape(row[column]) for column in columns))
            console.print(table)
    console.print(f"Per cent, but for ms. {SENSES}")
    if len(tables[0][2]) > 1:
        console.print(
            f"▲ and ▼: better and worse than {escape(reference)}, where the 95 % interval of the "
            f"difference does not hold 0 and there are at least {LEAST_ITEMS} items. "
            "summary.md has the intervals."
        )


def _fitting(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[list[int]]:
    """Split the columns into tables of at most a width, each with the first column."""
    widths = [max(map(len, column)) + _EDGES for column in zip(header, *rows, strict=True)]
    columns, used = [0], widths[0] + 1
    for column in range(1, len(header)):
        if used + widths[column] > width and len(columns) > 1:
            yield columns
            columns, used = [0], widths[0] + 1
        columns.append(column)
        used += widths[column]
    yield columns
