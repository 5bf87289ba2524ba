"""Mailbox: room for one item, the newest."""

import threading
from typing import Any, Optional


class Mailbox:
    """One slot between two threads. A queue would let images age; here the newest one replaces the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: Any = None

    def put(self, item: Any) -> Optional[Any]:
        """Leave ``item`` (not None); returns the item that it replaces, which nobody will see, or None."""
        with self._lock:
            replaced, self._item = self._item, item
        return replaced

    def take(self) -> Optional[Any]:
        """Remove and return the item, or None when there is none."""
        with self._lock:
            item, self._item = self._item, None
        return item
