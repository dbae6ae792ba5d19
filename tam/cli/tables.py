"""``tam metrics`` and ``tam exports``: tables that include those of other packages."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tam.evaluate.metrics import listed_metrics
from tam.files.kinds import listed_kinds

Rows = Sequence[dict[str, str]]
"""The rows of a table; their keys are the headings."""


def metrics_table() -> Rows:
    """Return a row for each metric."""
    return [
        {
            "metric": metric.name,
            "what it is": _told(metric.title, metric.package, metric.error),
            "source": metric.source,
            "cost beside the maps": metric.cost,
            "better": "lower" if metric.less_is_better else "higher",
        }
        for metric in listed_metrics()
    ]


def exports_table() -> Rows:
    """Return a row for each kind of file."""
    return [
        {
            "kind": kind.name,
            "suffix": kind.suffix,
            "what it holds": _told(kind.summary, kind.package, kind.error),
        }
        for kind in listed_kinds()
    ]


def print_rows(rows: Rows, *, as_json: bool) -> None:
    """Print a table as text or as JSON."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    name, *others = rows[0]
    table = Table()
    # Names are typed again, so they are never cut off.
    table.add_column(name, no_wrap=True)
    for heading in others:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(escape, row.values()))
    Console().print(table)


def _told(summary: str, package: str, error: str) -> str:
    if error:
        return f"cannot be used: {error} (package {package})"
    return f"{summary} (package {package})" if package else summary
