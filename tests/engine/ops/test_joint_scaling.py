import numpy as np
import torch

from tam.engine.ops.dispatch import select


def test_hand_computed() -> None:
    low, high = np.array([[0.0, 1.0], [5.0, 5.0]]), np.array([[1.0, 2.0], [5.0, 5.0]])
    text = np.array([[4.0, 100.0], [5.0, 100.0]])
    origin, span, relevance, used = select("joint_scaling", "naive")(
        low, high, text, np.array([1, 1])
    )
    assert np.array_equal(origin, [0, 5])
    assert np.array_equal(span, [4, 1]), "equal values are divided by 1"
    assert np.array_equal(relevance, [[1, 0], [0, 0]])
    assert np.array_equal(used, [[4, 0], [5, 0]])


def test_torch_equals_the_definition() -> None:
    rng = np.random.default_rng(0)
    low = rng.random((6, 3))
    arrays = (low, low + rng.random((6, 3)), rng.random((6, 4)), np.array([0, 1, 2, 3, 4, 4]))
    wanted = select("joint_scaling", "naive")(*arrays)
    found = select("joint_scaling")(*(torch.from_numpy(a) for a in arrays))
    for value, right in zip(found, wanted, strict=True):
        assert np.allclose(value, right, atol=1e-12)


def test_no_text_at_all() -> None:
    origin, span, relevance, _ = select("joint_scaling")(
        torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.zeros(1, 0), torch.tensor([0])
    )
    assert (origin.tolist(), span.tolist(), relevance.shape) == ([1.0], [2.0], (1, 0))
