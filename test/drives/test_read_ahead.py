"""What is read ahead comes in order, bounded, errors and all, and its reader is closed by its own thread."""

import threading
import time

import pytest

from bisenet_core.drives.read_ahead import read_ahead


def test_order_is_kept_and_the_thread_is_another():
    threads = set()

    def reader():
        for index in range(50):
            threads.add(threading.get_ident())
            yield index

    assert list(read_ahead(reader(), 3)) == list(range(50))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_it_reads_ahead_and_no_further():
    read = []
    items = read_ahead((read.append(index) or index for index in range(100)), 3)
    assert next(items) == 0
    while len(read) < 3:
        time.sleep(0.001)
    assert next(items) == 1
    items.close()
    assert len(read) <= 5


def test_an_error_comes_in_its_place():
    def reader():
        yield from (0, 1)
        raise OSError("gone")

    items = read_ahead(reader(), 3)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_the_reader_is_closed_by_its_own_thread():
    threads = []

    def reader():
        try:
            threads.append(threading.get_ident())
            yield from range(100)
        finally:
            threads.append(threading.get_ident())

    items = read_ahead(reader(), 2)
    next(items)
    items.close()
    assert len(threads) == 2 and threads[0] == threads[1]
