"""The folder of an evaluation's results: one plan, and one run at a time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tam.errors import OutputError, os_errors_as_tam_errors
from tam.evaluate.plan import Plan, settings_of
from tam.files.locks import lock_file, lock_holder
from tam.files.reading import read_json
from tam.files.temporary import is_temporary
from tam.files.writing import rewriting_file

SETTINGS = "settings.json"
LOCK = ".tam-evaluation.lock"


def check_settings(plan: Plan, out: Path) -> None:
    """Raise OutputError if the folder holds anything but results of the same plan."""
    with os_errors_as_tam_errors(out):
        if out.exists() and not out.is_dir():
            raise OutputError(
                "is a file, not a folder", where=str(out), remedy="name another folder"
            )
        if not out.exists() or all(is_temporary(path.name) for path in out.iterdir()):
            return
    path = out / SETTINGS
    remedy = "name another folder"
    if not path.exists():
        raise OutputError(
            f"is not empty and has no {SETTINGS} of an evaluation", where=str(out), remedy=remedy
        )
    found = read_json(path, remedy=remedy, kind=OutputError)
    if not isinstance(found, dict):
        raise OutputError("are not the settings of an evaluation", where=str(path), remedy=remedy)
    wanted = settings_of(plan)
    if found != wanted:
        differ = sorted(n for n in {*wanted, *found} if found.get(n) != wanted.get(n))
        raise OutputError(
            f"holds results with another {', '.join(differ) or 'set of options'}",
            where=str(out),
            remedy="name another folder, or give the same options to go on",
        )


@contextmanager
def alone_in(out: Path, *, needed: bool) -> Iterator[None]:
    """Hold the folder's lock while the block runs; the first process of a run needs it.

    Raises
    ------
    OutputError
        If another evaluation is using the folder.
    """
    if not needed:
        yield
        return
    with os_errors_as_tam_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        path = out / LOCK
        with lock_file(path) as held:
            if not held:
                holder = lock_holder(path) or {}
                raise OutputError(
                    f"another evaluation works in it: process {holder.get('process', 'unknown')} "
                    f"on {holder.get('machine', 'an unknown machine')}",
                    where=str(out),
                    remedy="wait for its end, or name another folder",
                )
            yield


def write_settings(plan: Plan, out: Path) -> None:
    """Write the settings of a plan into its folder."""
    with rewriting_file(out / SETTINGS) as temporary:
        temporary.write_text(json.dumps(settings_of(plan), indent=1) + "\n", encoding="utf-8")
