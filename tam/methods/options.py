"""Checks of the options of methods."""

from typing import Any

from tam.errors import InputError


def check_whole(name: str, value: Any, least: int = 1) -> None:
    """Refuse values that are not whole numbers or are less than ``least``.

    Raises
    ------
    InputError
        If the value is refused. The message names the option.
    """
    if not isinstance(value, int) or value < least:
        raise InputError(
            f"{value!r} is not possible", where=name, remedy=f"give a whole number from {least} on"
        )


def check_not_negative(name: str, value: Any) -> None:
    """Refuse anything but a number of 0 or more; see :func:`check_whole`."""
    if not isinstance(value, int | float) or not value >= 0:
        raise InputError(f"{value!r} is not possible", where=name, remedy="give a number from 0 on")


def check_positive(name: str, value: Any) -> None:
    """Refuse anything but a number above 0; see :func:`check_whole`."""
    if not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{value!r} is not possible", where=name, remedy="give a number above 0")
