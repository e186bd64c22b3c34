"""A small memory: what was not used for a time is forgotten, and the oldest when it is full."""

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lately(Generic[Key, Value]):
    """What was used lately.

    Args:
        most: Values kept at once.
        seconds: How long a value is kept after it was last used.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, now: float) -> Value | None:
        """The value, if it was used within the time; looking is no use."""
        self.forget(now)
        return self._kept[key][1] if key in self._kept else None

    def put(self, key: Key, value: Value, now: float) -> None:
        """Keep a value, or say that it was used (seconds on any one clock)."""
        self._kept[key] = (now, value)
        self._kept.move_to_end(key)
        self.forget(now)

    def drop(self, key: Key) -> None:
        """Forget a value, if it is there."""
        self._kept.pop(key, None)

    def forget(self, now: float) -> None:
        """Let go of what was not used for the time, without waiting for the next use."""
        while self._kept:
            used, _ = next(iter(self._kept.values()))
            if len(self._kept) <= self._most and now - used <= self._seconds:
                return
            self._kept.popitem(last=False)
