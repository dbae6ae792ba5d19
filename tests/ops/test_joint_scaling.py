import numpy as np
import torch

from tam.ops.dispatch import select


def test_hand_computed() -> None:
    residual = np.array([[0.0, 5.0], [2.0, 5.0]])
    text = np.array([[4.0, 5.0], [100.0, 100.0]])
    maps, relevance = select("joint_scaling", "naive")(residual, text, np.array([1, 1]))
    assert np.array_equal(maps, [[0, 0], [0.5, 0]])
    assert np.array_equal(relevance, [[1, 0], [0, 0]])


def test_torch_equals_the_definition() -> None:
    rng = np.random.default_rng(0)
    arrays = (rng.random((20, 6)), rng.random((4, 6)), np.array([0, 1, 2, 3, 4, 4]))
    wanted = select("joint_scaling", "naive")(*arrays)
    found = select("joint_scaling")(*(torch.from_numpy(a) for a in arrays))
    for value, right in zip(found, wanted, strict=True):
        assert np.allclose(value, right, atol=1e-12)


def test_no_text_at_all() -> None:
    maps, relevance = select("joint_scaling")(
        torch.tensor([[1.0], [3.0]]), torch.zeros(0, 1), torch.tensor([0])
    )
    assert maps.tolist() == [[0.0], [1.0]]
    assert relevance.shape == (0, 1)
