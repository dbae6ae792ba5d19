"""A lock for calls to a tokenizer."""

import threading
from typing import Any
from weakref import WeakKeyDictionary

from tam.text.tokenizer import Tokenizer

_LOCKS: WeakKeyDictionary[Any, threading.RLock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


def tokenizer_lock(tokenizer: Tokenizer) -> threading.RLock:
    """Return the lock to hold while a tokenizer encodes.

    A fast tokenizer stores the options of a call, such as ``split_special_tokens``, on itself until
    the call ends, so concurrent threads would encode with each other's options.
    """
    with _LOCKS_LOCK:
        if tokenizer not in _LOCKS:
            _LOCKS[tokenizer] = threading.RLock()
        return _LOCKS[tokenizer]
