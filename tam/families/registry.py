"""The registry of adapters: which adapter belongs to which model, and which models are refused.

The table of built-in families is ``tam_adapters.table``. Other packages add families through the
entry-point group ``tam.adapters``: the entry point's name is a ``model_type``, its value an
:class:`~tam.families.adapter.Adapter` class, for example in a ``pyproject.toml``::

    [project.entry-points."tam.adapters"]
    my_model = "my_package.my_model:MyModelAdapter"

Such a package may add model types but not replace one that the table supports or refuses: its entry
point for that type is ignored, with a warning. If two packages add the same type, using it is an
error until one of them is removed. A package that cannot be imported is an error for its own types
only.
"""

import sys
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from tam.errors import ModelError
from tam.families.adapter import Adapter
from tam.families.family import Family, Refused, Status
from tam.families.release import installed, is_older
from tam.resolver import resolve

GROUP = "tam.adapters"


def adapter_for(config: Any) -> Adapter:
    """Return the adapter for a model's configuration.

    Parameters
    ----------
    config
        A transformers configuration, or the content of a ``config.json``.

    Raises
    ------
    ModelError
        If the model type is missing, unknown or refused, the installed transformers is too old for
        it, or its package cannot be imported.
    """
    settings = config if isinstance(config, Mapping) else vars(config)
    model_type = str(settings.get("model_type") or getattr(config, "model_type", ""))
    return _adapter_for_type(model_type, custom_code=bool(settings.get("auto_map")))


def _adapter_for_type(model_type: str, *, custom_code: bool) -> Adapter:
    for family in _built_in():
        if model_type in family.model_types:
            _warn_of_clash(model_type)
            _check_release(model_type, family)
            return _load(family.adapter)
    for refused in refusals():
        if model_type in refused.model_types:
            _warn_of_clash(model_type)
            raise ModelError(
                f"{refused.name} {_STATUS_TEXT[refused.status]}: {refused.reason}",
                where=f"model type {model_type!r}",
                remedy=f"{refused.instead or 'use a supported model'} ({_supported()})",
            )
    added = _added(model_type)
    if not added:
        raise ModelError(
            _unknown(model_type, custom_code),
            where=f"model type {model_type!r}" if model_type else "",
            remedy=f"use {_native(custom_code)}a supported model ({_supported()}), or add an "
            f"adapter for it (entry-point group {GROUP!r})",
        )
    if len(added) > 1:
        packages = " and ".join(sorted(_package(entry) for entry in added))
        raise ModelError(
            f"more than one package supplies an adapter: {packages}",
            where=f"model type {model_type!r}",
            remedy="uninstall all but one of them",
        )
    return _load_added(added[0])


def families() -> tuple[Family, ...]:
    """List the supported families: the table's, then those that other packages add.

    Other packages are not imported.
    """
    known = {name for family in _built_in() for name in family.model_types}
    known |= {name for refused in refusals() for name in refused.model_types}
    others = tuple(
        Family(
            name=entry.name,
            model_types=(entry.name,),
            adapter=entry.value,
            notes=(f"from the package {_package(entry)}",),
        )
        for entry in sorted(_entries(), key=lambda entry: (entry.name, entry.value))
        if entry.name not in known
    )
    return _built_in() + others


def refusals() -> tuple[Refused, ...]:
    """List the families that are known but not supported."""
    from tam_adapters.table import OTHERS

    return OTHERS


_STATUS_TEXT: dict[Status, str] = {
    "refused": "is refused",
    "audio only": "has no pictures",
    "not yet": "is not supported yet",
}


def compared_with() -> str:
    """Return the release of transformers whose model types the table was compared with."""
    from tam_adapters.table import COMPARED_WITH

    return COMPARED_WITH


def missing_types() -> frozenset[str]:
    """Return the supported model types for which the installed transformers is too old."""
    return frozenset(
        name for family in _built_in() for name, first in family.since.items() if is_older(first)
    )


def _check_release(model_type: str, family: Family) -> None:
    first = family.since.get(model_type, "")
    if is_older(first):
        raise ModelError(
            f"transformers {installed()} is too old for this model type",
            where=f"model type {model_type!r}",
            remedy=f"install transformers {first} or newer",
        )


def _built_in() -> tuple[Family, ...]:
    from tam_adapters.table import FAMILIES

    return FAMILIES


def _unknown(model_type: str, custom_code: bool) -> str:
    if not model_type:
        return "the configuration has no model_type"
    code = ", and the checkpoint runs its own custom code" if custom_code else ""
    return f"no adapter supports this model{code}"


def _native(custom_code: bool) -> str:
    return "its variant that transformers runs natively, if there is one, or " * custom_code


def _supported() -> str:
    types = [
        f"{family.name}: {', '.join(family.model_types)}"
        if family.model_types != (family.name,)
        else family.name
        for family in families()
    ]
    return "supported families: " + "; ".join(types)


def _added(model_type: str) -> list[EntryPoint]:
    return [entry for entry in _entries() if entry.name == model_type]


def _entries() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed packages that add adapters."""
    return _read_entries(tuple((path, _changed_at(path)) for path in sys.path))


@cache
def _read_entries(_places: tuple[tuple[str, float], ...]) -> tuple[EntryPoint, ...]:
    # Reading every package's metadata takes longer than all else that happens here. A package that
    # is installed meanwhile changes the time of its folder.
    return tuple(entry_points(group=GROUP))


def _changed_at(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module


def _warn_of_clash(model_type: str) -> None:
    for entry in _added(model_type):
        warnings.warn(
            f"the adapter that {_package(entry)} supplies for model type {model_type!r} is not "
            "used: a package may add model types, not replace them",
            UserWarning,
            stacklevel=4,
        )


def _load(path: str) -> Adapter:
    adapter: Adapter = resolve(path)()
    return adapter


def _load_added(entry: EntryPoint) -> Adapter:
    where = f"the adapter {entry.value} of the package {_package(entry)}"
    try:
        adapter = entry.load()()
    except Exception as error:
        raise ModelError(
            f"cannot be imported ({type(error).__name__}: {error})",
            where=where,
            remedy="update or uninstall that package",
        ) from error
    if not isinstance(adapter, Adapter):
        raise ModelError(
            "is not a subclass of tam.families.adapter.Adapter",
            where=where,
            remedy="update or uninstall that package",
        )
    return adapter
