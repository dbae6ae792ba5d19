"""The choice of a method: its name or function, checked before the model runs."""

import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from tam.errors import InputError
from tam.extensions import METHODS as GROUP
from tam.extensions import Extension, description_of, extensions
from tam.methods.method import Method, Use, options_of
from tam.methods.option_types import check_types
from tam.methods.options import check_not_negative
from tam.methods.table import ALIASES, METHODS
from tam.refine.table import Refinement, refinements
from tam.text.named_values import named_values, split_list
from tam.text.nearest import suggestion

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.recording.trace import Trace
    from tam.replay import Replay

AnyMethod = str | Use | Callable[..., Any]
"""A method's name, a method with its options, or a function; see :mod:`tam.methods`."""

_TAKES = 3
_FORM = re.compile(r"(?P<name>[^/\[\]]*)(\[(?P<options>.*)\])?(?P<steps>(/[^/\[\]]*)*)", re.DOTALL)


@dataclass(frozen=True)
class Chosen:
    """A method that is ready to run.

    Parameters
    ----------
    method
        Its row of the table.
    function
        A function ``(trace, replay, targets, **options)``.
    options
        The options that were given.
    told
        The provenance (name and module) of a method defined by the user or another package; None
        for the toolkit's methods, which write their own.
    refinements
        The refinements applied to its maps, in order.
    relevance
        The method that supplies the relevance of earlier words; None for this method's own, if any.
    """

    method: Method
    function: Callable[..., Any]
    options: Mapping[str, Any]
    told: Mapping[str, Any] | None = None
    refinements: tuple[Refinement, ...] = ()
    relevance: "Chosen | None" = None

    @property
    def spelled(self) -> str:
        """The name with the given options in brackets, in the form that :func:`choose` takes."""
        name, *steps = self.method.name.split("/")
        given = ",".join(
            f"{k}={json.dumps(v, default=repr)}" for k, v in sorted(self.options.items())
        )
        return "/".join([f"{name}[{given}]" if given else name, *steps])

    def with_refinements(self, names: Sequence[str]) -> "Chosen":
        """Return this method with refinements applied to its maps, see :mod:`tam.refine`.

        Raises
        ------
        InputError
            If a name is unknown.
        """
        if not names:
            return self
        name = "/".join([self.method.name, *names])
        row = replace(self.method, name=name, replays=True, streams=False, candidates=False)
        return replace(self, method=row, refinements=(*self.refinements, *refinements(names)))

    def with_relevance(self, name: str | None) -> "Chosen":
        """Return this method with the relevance of earlier words taken from another one.

        Raises
        ------
        InputError
            If there is no such method, or it does not score earlier words.
        """
        if name is None or name == self.method.name:
            return self
        other = choose(name)
        if not other.method.relevance and not other.method.package:
            giving = [method.name for method in METHODS.values() if method.relevance]
            raise InputError(
                f"{name} gives no relevance of earlier words",
                where="relevance",
                remedy=f"use one of {', '.join(giving)}",
            )
        row = replace(self.method, replays=self.method.replays or other.method.replays)
        return replace(self, method=row, relevance=other)

    def with_options(self, added: Mapping[str, Any]) -> "Chosen":
        """Return this method with further options.

        Raises
        ------
        InputError
            If the method has no such option, the option is already set, or its value has the
            wrong type.
        """
        where, known = f"method {self.method.name}", options_of(self.function)
        for name in added:
            if name not in known:
                raise InputError(
                    f"unknown option {name!r}",
                    where=where,
                    remedy=suggestion(name, known, otherwise="it has"),
                )
            if name in self.options:
                raise InputError(f"{name} is given twice", where=where, remedy="give it once")
        check_types(self.function, added, where)
        if self.told is None and "kernel_size" in added:
            from tam.engine.inputs import check_kernel_size

            check_kernel_size(added["kernel_size"])
        if self.told is None and added.get("eci_cap") is not None:
            check_not_negative("eci_cap", added["eci_cap"])
        told = None if self.told is None else {**self.told, **_as_json(added)}
        return replace(self, options={**self.options, **added}, told=told)

    def check_model(self, *, cross_attention: bool) -> None:
        """Refuse a model whose way of reading pictures this method cannot explain.

        Parameters
        ----------
        cross_attention
            Whether the model reads pictures only through cross-attention.

        Raises
        ------
        InputError
            If the method reads vision tokens and the model has none, or the reverse. The message
            names methods that work.
        """
        if self.told is not None:
            return
        where = f"method {self.method.name}"
        if not cross_attention and self.method.cross_attention == "only":
            raise InputError(
                "this model reads pictures as tokens of its sequence, not through cross-attention",
                where=where,
                remedy="use another method, such as tam",
            )
        able = [method.name for method in METHODS.values() if method.cross_attention != "not"]
        plain = self.method.name in able and not self.refinements and not self.relevance
        if cross_attention and not plain:
            raise InputError(
                "reads vision tokens, but this model reads pictures only through cross-attention",
                where=where,
                remedy=f"use one of {', '.join(able)}",
            )

    def run(
        self, trace: "Trace", replay: "Replay | None", targets: Sequence[int] | None = None
    ) -> "Explanation":
        """Explain a recorded run; see :func:`explain`."""
        if self.method.replays and replay is None:
            raise InputError(
                "runs the model again",
                where=f"method {self.method.name}",
                remedy="pass a replay",
            )
        self.check_model(cross_attention=trace.vision.cross_attention)
        result = self._related(self._explained(trace, replay, targets), trace, replay, targets)
        if not self.refinements or replay is None:
            return result
        import numpy as np

        from tam.refine.refinement import Work, refined

        known = [int(row) for row in np.flatnonzero(~np.isnan(result.maps).all(1))]
        work = Work(replay, known, lambda other: self._explained(other.trace, other, known))
        return refined(result, self.refinements, work)

    def _related(
        self,
        result: "Explanation",
        trace: "Trace",
        replay: "Replay | None",
        targets: Sequence[int] | None,
    ) -> "Explanation":
        """Take the relevance of earlier words from the other method, if one was requested."""
        if self.relevance is None:
            return result
        other = self.relevance.run(trace, replay, targets)
        provenance = {**result.provenance, "relevance": other.provenance["method"]}
        return replace(
            result,
            text_scores=other.text_scores,
            relevance=other.relevance,
            provenance=provenance,
        )

    def _explained(
        self, trace: "Trace", replay: "Replay | None", targets: Sequence[int] | None
    ) -> "Explanation":
        """Explain with the method itself, without refinements or another method's relevance."""
        import torch

        from tam.methods.result import added_explanation, resolve_targets

        # Gradients are not available if the caller is in inference mode.
        with torch.inference_mode(False):
            if self.told is None:
                result: Explanation = self.function(trace, replay, targets, **self.options)
                return result
            asked = resolve_targets(trace, targets)
            found = self.function(trace, replay, asked, **self.options)
            return added_explanation(trace, asked, found, self.told)


def choose(method: AnyMethod) -> Chosen:
    """Return a method that is ready to run.

    Parameters
    ----------
    method
        A name from the table or one added by another package, optionally followed by options in
        brackets (``"occlusion[size=3,batch=8]"``) and by refinements
        (``"activation/color-affinity"``, see :mod:`tam.refine`); a :class:`Use` such as
        ``Tam(kernel_size=5)``; or any callable ``(trace, replay, targets)``, including a
        :func:`functools.partial` that sets options.

    Raises
    ------
    InputError
        If the method or one of its options is unknown, or ``method`` is none of these.
    SetupError
        If the package that adds the method cannot be imported.
    """
    if isinstance(method, str):
        return _named(method)
    if isinstance(method, Use):
        return _named(method.name).with_options(method.options)
    if not callable(method):
        raise InputError(
            f"{method!r} is not a method",
            where="method",
            remedy="give a name, or a function (trace, replay, targets)",
        )
    given: dict[str, Any] = {}
    function: Callable[..., Any] = method
    while isinstance(function, functools.partial) and not function.args:
        given = {**function.keywords, **given}
        function = function.func
    for known in METHODS.values():
        # If the caller passes one of the toolkit's functions, its module is already imported.
        if known.function == f"{_module(function)}:{_qualified(function)}":
            return Chosen(known, known.load(), {}).with_options(given)
    _check_call(function, given)
    return Chosen(_own(function), function, given, _told(function, given))


def explain(
    method: AnyMethod,
    trace: "Trace",
    replay: "Replay | None" = None,
    targets: Sequence[int] | None = None,
    **options: Any,
) -> "Explanation":
    """Explain a recorded run.

    Parameters
    ----------
    method
        As in :func:`choose`.
    trace
        The recorded run, with K targets and N cells.
    replay
        The replay of the same run (``tam.replay.Replay``), for methods that run the model again.
    targets
        Indices of the targets to explain; the others' maps are zero. If None, methods that compute
        all targets at once explain all of them, and the others explain those of the reply.
    **options
        Options of the method; see its function.

    Raises
    ------
    InputError
        If the method, an option or a target is unknown, the method needs a replay, or its result
        cannot be a map.
    ModelError
        If the method does not fit the model.
    """
    return choose(method).with_options(options).run(trace, replay, targets)


def listed() -> list[Method]:
    """Return the toolkit's methods, then those of other packages, without importing any."""
    return [*METHODS.values(), *map(_row, extensions(GROUP, _taken()))]


def imported(name: str) -> Method:
    """Return a method by name; another package's method is imported to read its description.

    Raises
    ------
    InputError
        If the name is unknown.
    SetupError
        If it cannot be imported.
    """
    return _named(name).method


def _named(text: str) -> Chosen:
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise InputError(
            f"{text!r} is not a method's name",
            where="method",
            remedy="write NAME or NAME[OPTION=VALUE,...], and refinements behind a slash",
        )
    found = _method(parts["name"])
    if parts["options"] is not None:
        found = found.with_options(named_values(split_list(parts["options"]), "method"))
    return found.with_refinements(parts["steps"].split("/")[1:])


def _method(name: str) -> Chosen:
    known = ALIASES.get(name, name)
    if known in METHODS:
        return Chosen(METHODS[known], METHODS[known].load(), {})
    added = extensions(GROUP, _taken())
    for extension in added:
        if extension.name == known:
            function = extension.load()
            _check_call(function, {})
            told = {**_told(function, {}), "name": known, "package": extension.package}
            return Chosen(_row(extension, function), function, {}, told)
    names = [*METHODS, *(extension.name for extension in added)]
    raise InputError(
        f"unknown method {name!r}",
        where="method",
        remedy=f"{suggestion(name, names)} ('tam methods' lists them)",
    )


def _taken() -> set[str]:
    return {*METHODS, *ALIASES}


def _row(extension: Extension, function: Callable[..., Any] | None = None) -> Method:
    said = description_of(function)
    return Method(
        extension.name,
        said.summary,
        said.source,
        extension.value,
        said.cost,
        package=extension.package,
        error=extension.error,
    )


def _own(function: Callable[..., Any]) -> Method:
    said = description_of(function)
    return Method(_qualified(function), said.summary, said.source, "", said.cost)


def _told(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    fields = _fields(function)
    return {
        "name": _qualified(function),
        "module": _module(function),
        **_as_json({**fields, **options}),
    }


def _fields(function: Any) -> dict[str, Any]:
    """Return the fields of a callable dataclass, which are its options."""
    return asdict(function) if is_dataclass(function) and not isinstance(function, type) else {}


def _module(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__module__", None) or type(function).__module__)


def _qualified(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def _as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options for the provenance: JSON values unchanged, others as their ``repr``."""
    plain = (str, int, float, bool, type(None))
    return {k: v if isinstance(v, plain) else repr(v) for k, v in options.items()}


def _check_call(function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse a function that cannot be called with a method's arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # some built-in functions have no signature
    try:
        signature.bind(*range(_TAKES), **options)
    except TypeError as error:
        raise InputError(
            f"cannot be called with (trace, replay, targets): {error}",
            where=f"method {_qualified(function)}",
            remedy="see tam.methods for what a method takes and returns",
        ) from error
