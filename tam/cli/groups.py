"""Groups of options that several commands share, each a dataclass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, get_type_hints

from tam.cli.options import (
    AllowMissing,
    AllowUrls,
    CandidateMaps,
    Decoder,
    DeviceMap,
    Dtype,
    Embed,
    End,
    Force,
    Fps,
    Level,
    LoadIn,
    MaxFrames,
    MaxNewTokens,
    Method,
    MethodOption,
    MoreOptions,
    NumFrames,
    Pictures,
    Plane,
    Refine,
    Region,
    Relevance,
    Revision,
    Sample,
    Seed,
    Slices,
    Stages,
    Start,
    Window,
)
from tam.defaults import DECODER, EMBED, MAX_NEW_TOKENS, METHOD
from tam.errors import InputError
from tam.resolver import uncollected

if TYPE_CHECKING:
    from tam.media import Cut, Sampling
    from tam.model.options import Options


@dataclass(frozen=True)
class Loading:
    """How to load a checkpoint; the fields are arguments of :func:`tam.load`."""

    dtype: Dtype = None
    device_map: DeviceMap = None
    load_in: LoadIn = None
    revision: Revision = None
    allow_missing: AllowMissing = False


@dataclass(frozen=True)
class Reply:
    """How to write and explain a reply."""

    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS
    sample: Sample = False
    seed: Seed = None
    method: Method = METHOD
    method_option: MethodOption = None
    refine: Refine = ""
    relevance: Relevance = None
    stages: Stages = False
    candidate_maps: CandidateMaps = 0
    option: MoreOptions = None

    def options(self, answer: str | None = None) -> "Options":
        """Return options for :meth:`tam.Model.explain`, and check the method.

        Raises
        ------
        InputError
            If an option is not of the form NAME=VALUE, or the method or one of its options is
            unknown.
        """
        from tam.text.named_values import named_values

        with uncollected():
            from tam.model.options import check_candidate_maps, chosen

        refine = [name.strip() for name in self.refine.split(",")] if self.refine else []
        explained: Options = {
            "method": self.method,
            "method_options": named_values(self.method_option or (), "--method-option"),
            "refine": refine,
            "relevance": self.relevance,
            "stages": self.stages,
            "candidate_maps": self.candidate_maps,
        }
        check_candidate_maps(chosen(explained), self.candidate_maps)
        written: Options = {
            "answer": answer,
            "max_new_tokens": self.max_new_tokens,
            "seed": self.seed,
        }
        # Without --sample, the model's own default decides.
        sampled: Options = {"do_sample": True} if self.sample else {}
        more: Any = named_values(self.option or (), "--option")
        found: Options = {**written, **explained, **sampled, **more}
        return found

    def by_each(self, methods: str) -> list["Reply"]:
        """Return the same reply options for each of several methods, named with commas between.

        A name can have options in brackets, see :func:`tam.methods.choosing.choose`.

        Raises
        ------
        InputError
            If a method is named twice, or options for a single method are given.
        """
        from tam.text.named_values import split_list

        names = [name for name in split_list(methods) if name]
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"{methods!r} does not name different methods",
                where="--methods",
                remedy="separate their names by commas, such as tam,attention",
            )
        if self.method_option:
            raise InputError(
                "options of one method cannot be given beside several",
                where="--method-option",
                remedy="write them behind the name, such as occlusion[size=3]",
            )
        return [replace(self, method=name) for name in names]


@dataclass(frozen=True)
class Clips:
    """How to open media, and which part of clips, volumes, stacks and slides to use."""

    fps: Fps = None
    num_frames: NumFrames = None
    max_frames: MaxFrames = None
    start: Start = None
    end: End = None
    window: Window = None
    plane: Plane = None
    slices: Slices = None
    region: Region = None
    level: Level = None
    decoder: Decoder = DECODER
    allow_urls: AllowUrls = False

    @property
    def sampling(self) -> "Sampling | None":
        """Return the requested sampling of frames; None without such an option.

        Raises
        ------
        MediaError
            If a number is out of range.
        """
        from tam.cli.asking import changed

        names = ("fps", "num_frames", "start", "end", "max_frames")
        asked = {name: getattr(self, name) for name in names}
        return changed(None, {name: value for name, value in asked.items() if value is not None})

    @property
    def cut(self) -> "Cut | None":
        """Return the requested part of a volume, stack or slide; None without such an option.

        Raises
        ------
        MediaError
            If an option is malformed, or a value is out of range.
        """
        from tam.cli.cutting import cut_asked

        return cut_asked(self.window, self.plane, self.slices, self.region, self.level)

    @property
    def opening(self) -> dict[str, Any]:
        """Return keyword arguments for :func:`tam.media.open_media`."""
        return {
            "sampling": self.sampling,
            "decoder": self.decoder,
            "allow_urls": self.allow_urls,
            "cut": self.cut,
        }


@dataclass(frozen=True)
class Saving:
    """How to save an explanation; the fields are arguments of :meth:`tam.Explanation.save`."""

    pictures: Pictures = False
    embed: Embed = EMBED
    force: Force = False


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Expand the groups among a command's parameters into separate options.

    Parameters
    ----------
    function
        A command. Each parameter whose type is a dataclass is a group: typer sees the group's
        fields in its place, and the function receives the group.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}

    @wraps(function)
    def command(**values: Any) -> None:
        built = {name: _built(kind, values) for name, kind in groups.items()}
        function(**values, **built)

    shown: list[Parameter] = []
    for name, parameter in signature(function).parameters.items():
        shown.extend(_options(groups[name]) if name in groups else [parameter])
    shown = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in shown]
    annotations = {parameter.name: parameter.annotation for parameter in shown}
    vars(command).pop("__wrapped__")  # typer would look through it
    vars(command)["__signature__"] = Signature(shown)
    command.__annotations__ = annotations
    return command


def _options(group: Any) -> list[Parameter]:
    types: Mapping[str, Any] = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=types[field.name],
        )
        for field in fields(group)
    ]


def _built(group: Any, values: dict[str, Any]) -> Any:
    return group(**{field.name: values.pop(field.name) for field in fields(group)})
