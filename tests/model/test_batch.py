"""Explaining the replies of one batch while the model answers the next."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tam.errors import InputError, NumericsError
from tam.model.batch import explained

ERROR = NumericsError("no", where="here", remedy="mend it")


def doubled(recording: Any) -> Any:
    return 2 * recording


@pytest.mark.parametrize("most", [0, 1, 4])
def test_explanations_keep_their_order_and_errors_their_places(most: int) -> None:
    found: Any = iter([1, 2, ERROR, 4, 5])
    results: list[Any] = list(explained(found, doubled, most))
    assert results == [2, 4, ERROR, 8, 10]


def test_a_reply_is_explained_before_the_next_is_answered() -> None:
    begun = threading.Event()

    def answers() -> Iterator[Any]:
        yield 1
        assert begun.wait(10), "the first reply is explained while the second is answered"
        yield 2

    def explain(recording: Any) -> Any:
        begun.set()
        return threading.get_ident()

    threads: set[Any] = set(explained(answers(), explain, 2))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_no_more_wait_than_allowed() -> None:
    answered: list[int] = []
    allowed = threading.Event()

    def answers() -> Iterator[Any]:
        for number in range(9):
            answered.append(number)
            if number == 2:
                allowed.set()
            yield number

    def explain(recording: Any) -> Any:
        allowed.wait(10)
        return recording

    results: Any = explained(answers(), explain, 2)
    assert next(results) == 0
    assert answered == [0, 1, 2]
    results.close()


def test_an_abandoned_batch_does_not_wait_for_an_explanation_that_waits_for_the_model() -> None:
    model = threading.Lock()

    def explain(recording: Any) -> Any:
        if recording:
            with model:
                return recording
        return recording

    results: Any = explained(iter([0, 1, 2]), explain, 1)
    with model:
        assert next(results) == 0
        closing = threading.Thread(target=results.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()


@pytest.mark.parametrize("most", [0, 3])
def test_what_was_answered_before_an_error_is_explained(most: int) -> None:
    def answers() -> Iterator[Any]:
        yield 1
        yield 2
        raise InputError("too few", where="answer", remedy="give more")

    results: Any = explained(answers(), doubled, most)
    assert [next(results), next(results)] == [2, 4]
    with pytest.raises(InputError, match="too few"):
        next(results)


def test_an_error_of_a_method_is_raised() -> None:
    def explain(recording: Any) -> Any:
        raise ZeroDivisionError

    found: Any = iter([1, 2])
    with pytest.raises(ZeroDivisionError):
        list(explained(found, explain, 1))
