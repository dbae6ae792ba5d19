"""Input times gradient, at what enters the language model for the picture."""

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import activations, as_matrix
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.replay.places import places


def input_x_gradient(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Multiply what enters the language model at each cell with the gradient there.

    ``relu(sum_d X[p, d] ∂y / ∂X[p, d])`` with X [N, D] what enters the first layer at the vision
    cells, and y the token's logit (arXiv 1605.01713, with the picture's embeddings as the input: a
    pixel belongs to several cells once a processor has resized it). Maps [K, N]. Cost: one forward
    pass and one backward pass for each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    """
    asked = resolve_targets(trace, targets)
    where = places(replay, "input")
    found = activations(replay, asked, "input", where)
    maps = [(found.states * gradient).sum(1).relu().numpy() for gradient in found.gradients()]
    return explained(trace, asked, as_matrix(maps, where.count), {"name": "input-x-gradient"})
