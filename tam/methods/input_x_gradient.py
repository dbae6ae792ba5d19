"""Input times gradient at the embeddings, the input of the language model."""

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import as_matrix
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def input_x_gradient(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Multiply the language model's input at each position by its gradient.

    ``relu(sum_d X[p, d] ∂y / ∂X[p, d])`` with X [L, D] the input of the first layer, y the
    token's logit (arXiv 1605.01713, with the embeddings as the input: a pixel belongs to several
    cells once a processor has resized it). Maps [K, N] and the relevance of earlier words [K, K],
    at their own positions, on one scale. Cost: one forward pass and one backward pass for each
    target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    """
    asked = resolve_targets(trace, targets)
    run = replay.run(asked, layers=["input"], gradients=True)
    [states] = run.states[0]
    rows = [
        (states * gradient)[0].detach().float().sum(1).relu().cpu().numpy()
        for [gradient] in run.gradients([states])
    ]
    evidence = as_matrix(rows, states.shape[1])
    return jointly_explained(trace, asked, evidence, {"name": "input-x-gradient"})
