"""Input times gradient at the picture's embeddings, the input of the language model."""

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import activations, as_matrix
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.replay.places import places


def input_x_gradient(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Multiply the language model's input at each cell with its gradient.

    ``relu(sum_d X[p, d] ∂y / ∂X[p, d])`` with X [N, D] the input of the first layer at the vision
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
