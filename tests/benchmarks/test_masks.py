import math

import numpy as np

from benchmarks.masks import Overlap, mean_iou
from benchmarks.segmenter import Labelled, label_overlaps, segmented, trained


def test_mean_iou_sums_over_pictures_before_it_divides() -> None:
    pictures = [{1: Overlap(10, 20), 2: Overlap(0, 5)}, {1: Overlap(30, 40)}]
    value, low, high = mean_iou([pictures[0], pictures[1]] * 20)
    assert math.isclose(value, (40 / 60 + 0) / 2, rel_tol=0.1)
    assert low <= value <= high


def test_labels_are_compared_class_by_class() -> None:
    found = np.array([[[1, 1, 0], [2, 0, 0]]])
    true = np.array([[[1, 0, 0], [1, 2, 0]]])
    (overlaps,) = label_overlaps(found, true)
    assert overlaps[1] == Overlap(1, 3)
    assert overlaps[2] == Overlap(0, 2)
    assert overlaps[3] == Overlap(0, 0)


def test_a_segmenter_learns_a_color() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((8, 16, 16), np.int64)
    labels[:, 4:12, 4:12] = 1
    pictures = rng.integers(100, 140, (8, 16, 16, 3)).astype(np.uint8)
    pictures[labels == 1] = (220, 30, 30)
    network = trained(Labelled(pictures, labels), 60, 0)
    assert (segmented(network, pictures) == labels).mean() > 0.95
