"""``tam doctor``: what this machine has."""

import logging
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from rich.markup import escape
from rich.table import Table

from tam.cli.extras import GIVES, lacking
from tam.resolver import resolve
from tam.text.printable import one_line
from tam.text.terminal import console


@dataclass(frozen=True)
class Finding:
    """One finding about this machine.

    Parameters
    ----------
    name
        The part that was checked.
    works
        Whether it can be used.
    needed
        Whether the toolkit's main path needs it.
    detail
        Its version, or the reason why it does not work.
    """

    name: str
    works: bool
    needed: bool
    detail: str


def findings() -> list[Finding]:
    """Check every part; a broken one does not prevent the checks of the others."""
    checks: list[tuple[str, bool, Callable[[], str]]] = [
        ("python", True, platform.python_version),
        ("processor", True, lambda: f"{os.cpu_count()} cores, {platform.machine()}"),
        ("disk", True, lambda: f"{shutil.disk_usage('.').free / 2**30:.0f} GiB free here"),
        ("torch", True, lambda: _package("torch")),
        ("torchvision", True, lambda: _package("torchvision")),
        ("transformers", True, lambda: _package("transformers")),
        ("accelerate", True, lambda: _package("accelerate")),
        ("accelerator", False, _accelerator),
        ("triton", False, lambda: _package("triton")),
        ("bitsandbytes", False, lambda: _package("bitsandbytes")),
        ("PyAV (video)", False, lambda: _package("av")),
        ("decord (video)", False, lambda: _package("decord")),
        ("OpenCV (video)", False, lambda: _package("cv2", "opencv-python")),
        ("small model", True, _small_model),
    ]
    checks += [(f"extra {name}", False, partial(_extra, name)) for name in GIVES]
    return [_look(name, needed, check) for name, needed, check in checks]


def print_findings(found: list[Finding]) -> None:
    """Print the findings."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for finding in found:
        mark = "[green]yes[/]" if finding.works else "[red]no[/]" if finding.needed else "no"
        table.add_row(finding.name, mark, escape(one_line(finding.detail)))
    console().print(table)


def _look(name: str, needed: bool, check: Callable[[], str]) -> Finding:
    # Libraries log missing parts when they are imported, but the findings report those already.
    logging.disable(logging.WARNING)
    try:
        return Finding(name, True, needed, check())
    except Exception as error:  # importing a broken library may raise anything
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        return Finding(name, False, needed, reason)
    finally:
        logging.disable(logging.NOTSET)


def _package(module: str, distribution: str | None = None) -> str:
    resolve(module)
    try:
        return version(distribution or module)
    except PackageNotFoundError:
        return "installed"


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        count = torch.cuda.device_count()
        return f"{count} × {properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        return "Apple GPU"
    raise RuntimeError("none: models run on the CPU")


def _extra(name: str) -> str:
    lacks = lacking(name)
    if lacks:
        raise RuntimeError(f"{GIVES[name]}; lacks {', '.join(lacks)}")
    return GIVES[name]


def _small_model() -> str:
    from tam.model.shipped import weights_folder

    weights = weights_folder("small") / "model.safetensors"
    return f"{weights.stat().st_size / 2**20:.1f} MiB"
