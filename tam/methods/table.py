"""The table of methods. Nothing heavy is imported before a method is used."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tam.errors import InputError
from tam.resolver import resolve

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.recording.trace import Trace
    from tam.replay import Replay


@dataclass(frozen=True)
class Method:
    """A way to explain a recorded run.

    Parameters
    ----------
    name
        What ``--method`` calls it.
    summary
        What it does, in a line.
    source
        Where it was published; empty for a control.
    function
        ``"module:function"``, imported when it is needed: see :mod:`tam.methods`.
    cost
        What it costs beside the recorded run. A word is a token that is explained.
    replays
        Whether it runs the model again.
    """

    name: str
    summary: str
    source: str
    function: str
    cost: str
    replays: bool = True

    def load(self) -> "Callable[..., Explanation]":
        """Import its function."""
        function: Callable[..., Explanation] = resolve(self.function)
        return function

    def options(self) -> dict[str, Any]:
        """Its options and their defaults; imports its function."""
        parameters = inspect.signature(self.load()).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


_ONE_EACH = "1 forward, 1 backward a word"

_TABLE = (
    Method(
        "tam",
        "Token Activation Map: projection on the word, earlier words taken out, filtered",
        "arXiv 2506.23270",
        "tam.methods.token_activation:token_activation",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "tam-plus",
        "tam on the word's probabilities, smoothed along the picture's edges",
        "this toolkit",
        "tam.methods.tam_plus:tam_plus",
        "1 product with the whole head",
    ),
    Method(
        "activation",
        "raw activation: projection on the word alone (CAM, the last layer's logit lens)",
        "arXiv 2506.23270",
        "tam.methods.parts:activation",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "eci",
        "activation with earlier words taken out, not filtered",
        "arXiv 2506.23270",
        "tam.methods.parts:eci",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "rgf",
        "activation filtered, earlier words left in",
        "arXiv 2506.23270",
        "tam.methods.parts:rgf",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "logit-lens",
        "a layer's states read through the final norm and the head",
        "nostalgebraist 2020",
        "tam.methods.logit_lens:logit_lens",
        "1 forward",
    ),
    Method(
        "grad-cam",
        "a layer's channels weighted by their mean gradient",
        "arXiv 1610.02391",
        "tam.methods.grad_cam:grad_cam",
        _ONE_EACH,
    ),
    Method(
        "eigen-cam",
        "a layer's states on their first principal direction; the same for every word",
        "arXiv 2008.00299",
        "tam.methods.eigen_cam:eigen_cam",
        "1 forward",
    ),
    Method(
        "smooth-grad-cam++",
        "Grad-CAM++ of gradients averaged over noisy pictures",
        "arXiv 1908.01224",
        "tam.methods.smooth_grad_cam:smooth_grad_cam",
        "9 forward, 8 backward a word",
    ),
    Method(
        "cf-cam",
        "Grad-CAM with channels clustered and gradients filtered in each cluster",
        "arXiv 2504.00060",
        "tam.methods.cf_cam:cf_cam",
        _ONE_EACH,
    ),
    Method(
        "llava-cam",
        "Grad-CAM with positive gradients, averaged over noisy pictures",
        "arXiv 2406.06579",
        "tam.methods.llava_cam:llava_cam",
        "8 forward, 8 backward a word",
    ),
    Method(
        "input-x-gradient",
        "what enters the language model times its gradient",
        "arXiv 1605.01713",
        "tam.methods.input_x_gradient:input_x_gradient",
        _ONE_EACH,
    ),
    Method(
        "integrated-gradients",
        "the same integrated on the way from a picture without features",
        "arXiv 1703.01365",
        "tam.methods.integrated_gradients:integrated_gradients",
        "17 forward, 16 backward a word",
    ),
    Method(
        "attention",
        "attention weights from the word's position to the picture",
        "",
        "tam.methods.attention:attention",
        "1 forward",
    ),
    Method(
        "rollout",
        "attention multiplied through all layers",
        "arXiv 2005.00928",
        "tam.methods.rollout:rollout",
        "1 forward",
    ),
    Method(
        "relevancy",
        "attention weighted with its gradients through all layers (Chefer et al.)",
        "arXiv 2103.15679",
        "tam.methods.relevancy:relevancy",
        _ONE_EACH,
    ),
    Method(
        "dex-ar",
        "gradients of attention layer by layer, from heads that look at the picture",
        "arXiv 2603.06302",
        "tam.methods.dex_ar:dex_ar",
        "1 forward, 1 backward a word through each of 10 layers alone",
    ),
    Method(
        "occlusion",
        "what a word loses when a block of the grid is covered",
        "arXiv 1311.2901",
        "tam.methods.occlusion:occlusion",
        "1 forward for every 4 cells",
    ),
    Method(
        "superpixel-occlusion",
        "what a word loses when a superpixel is covered",
        "doi 10.1109/TPAMI.2012.120",
        "tam.methods.superpixel_occlusion:superpixel_occlusion",
        "65 forward a picture",
    ),
    Method(
        "random",
        "control: noise",
        "",
        "tam.methods.controls:random",
        "nothing",
        replays=False,
    ),
    Method(
        "center",
        "control: the picture's center, the same for every word",
        "",
        "tam.methods.controls:center",
        "nothing",
        replays=False,
    ),
)

METHODS: Mapping[str, Method] = {method.name: method for method in _TABLE}
"""Every method by its name."""

ALIASES: Mapping[str, str] = {"cam": "activation"}
"""Other names that some methods go by."""


def method_named(name: str) -> Method:
    """Give a method by its name or an alias.

    Raises
    ------
    InputError
        If there is none of that name; the message lists them.
    """
    known = ALIASES.get(name, name)
    if known not in METHODS:
        raise InputError(
            f"there is no method {name!r}", where="method", remedy=f"use {', '.join(METHODS)}"
        )
    return METHODS[known]


def explain(
    name: str,
    trace: "Trace",
    replay: "Replay | None" = None,
    targets: Sequence[int] | None = None,
    **options: Any,
) -> "Explanation":
    """Explain a recorded run with the method of a name.

    Parameters
    ----------
    name
        A name of ``METHODS``.
    trace
        The run; K targets, N cells.
    replay
        The same run to run again (``Model.replay``), for methods that do.
    targets
        Indices of those to explain; the others' maps are zero. Where it is None, methods that get
        all targets at once explain all, the others the reply's.
    **options
        The method's own; see its function.

    Raises
    ------
    InputError
        If there is no such method, option or target, or the method needs a replay.
    ModelError
        If the method does not fit the model.
    """
    check_options(name, options)
    method = method_named(name)
    if method.replays and replay is None:
        raise InputError(
            "it runs the model again", where=f"method {name}", remedy="give it a replay"
        )
    import torch

    # Where the caller has switched on inference mode, no gradient could be taken.
    with torch.inference_mode(False):
        return method.load()(trace, replay, targets, **options)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse a method that there is not, and options that it does not have.

    Raises
    ------
    InputError
        The message lists those that there are.
    """
    known = method_named(name).options()
    for option in options:
        if option not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"there is no option {option!r}", where=f"method {name}", remedy=has)
