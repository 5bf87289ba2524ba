"""Read the next items in another thread while the caller works on the present one."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")

_END: Any = object()


def read_ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """Yield ``items`` in order, read by one other thread that is at most ``depth`` of them ahead.

    An error of the reader is raised in its place in the order. ``items`` is a generator: its thread also
    closes it, since what it holds open, such as SQLite's connections, often belongs to one thread.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        try:
            ahead = deque(thread.submit(next, items, _END) for _ in range(depth))
            item = ahead.popleft().result()
            while item is not _END:
                yield item
                ahead.append(thread.submit(next, items, _END))
                item = ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()
            thread.submit(items.close)  # type: ignore[attr-defined]
