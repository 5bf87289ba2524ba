"""Memory of a GPU that refuses what a GPU lets pass: foreign addresses, bytes nobody wrote, races."""

import numpy as np

#: no thread, and more than one
_NOBODY, _SEVERAL = -1, -2


class Fault(Exception):  # noqa: N818 - it says what is wrong
    """What a kernel must not do, with the instruction."""


class GlobalMemory:
    """Buffers with gaps between them; ``stores`` counts how often each byte was written by a kernel."""

    _GAP = 512

    def __init__(self, size=1 << 22):
        self.bytes = np.full(size, 0xA5, np.uint8)
        self.is_allocated, self.is_written = np.zeros(size, bool), np.zeros(size, bool)
        self.stores = np.zeros(size, np.int32)
        self._end = self._GAP

    def take(self, nbytes, shift=0):
        """The address of so many bytes that nobody has written, ``shift`` beyond a multiple of 256."""
        address = -(-self._end // 256) * 256 + shift
        self._end = address + nbytes + self._GAP
        assert self._end <= len(self.bytes)
        self.is_allocated[address:address + nbytes] = True
        return address

    def put(self, array, shift=0):
        """The address of a copy of an array."""
        address = self.take(array.nbytes, shift)
        self.bytes[address:address + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
        self.is_written[address:address + array.nbytes] = True
        return address

    def read(self, address, shape, dtype=np.uint8):
        """A copy as an array, and whether a kernel wrote each of its bytes exactly once."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        content = self.bytes[address:address + size].copy().view(dtype).reshape(shape)
        return content, bool((self.stores[address:address + size] == 1).all())

    def note(self, places, threads, kind):
        """Check one access: ``places`` is threads x bytes; ``kind`` is "load", "store" or "atomic"."""
        if places.min() < 0 or places.max() >= len(self.bytes) or not self.is_allocated[places].all():
            raise Fault("out of bounds")
        if kind != "store" and not self.is_written[places].all():
            raise Fault("uninitialised")
        if kind != "load":
            self.is_written[places] = True
            np.add.at(self.stores, places.ravel(), 1)


class SharedMemory:
    """The shared memory of every block, one after the other, ``size`` bytes each.

    Two threads race where, between two barriers, both touch a byte, one of them writes, and not both are
    atomic. No order within a warp is taken for granted.
    """

    def __init__(self, blocks, size):
        self.size = size
        self.bytes = np.full(max(16, blocks * size), 0xA5, np.uint8)
        self.is_written = np.zeros(len(self.bytes), bool)
        self._writer, self._reader = (np.full(len(self.bytes), _NOBODY) for _ in range(2))
        self._is_atomic = np.zeros(len(self.bytes), bool)

    def pass_barrier(self, block):
        """From here on nothing in this block races with what was before."""
        own = slice(block * self.size, (block + 1) * self.size)
        self._writer[own] = self._reader[own] = _NOBODY
        self._is_atomic[own] = False

    def note(self, places, threads, kind):
        """As in GlobalMemory."""
        who = np.broadcast_to(threads[:, None], places.shape)
        if kind != "store" and not self.is_written[places].all():
            raise Fault("uninitialised")
        met = (self._writer[places] != _NOBODY) & (self._writer[places] != who)
        if kind == "atomic":
            met &= ~self._is_atomic[places]
        if kind != "load":
            met |= (self._reader[places] != _NOBODY) & (self._reader[places] != who)
        if met.any() or (kind == "store" and len(np.unique(places)) < places.size):
            raise Fault("race")
        if kind == "load":
            self._note_readers(places.ravel(), who.ravel())
            return
        self.is_written[places], self._is_atomic[places] = True, kind == "atomic"
        self._writer[places] = who
        if kind == "atomic":  # of several, the last is noted: a plain access of any thread is to be found
            self._writer[places[self._shared_by_several(places)]] = _SEVERAL

    def _note_readers(self, places, who):
        others = (self._reader[places] != _NOBODY) & (self._reader[places] != who)
        self._reader[places] = who
        self._reader[places[others | (self._reader[places] != who)]] = _SEVERAL

    @staticmethod
    def _shared_by_several(places):
        values, which, counts = np.unique(places, return_inverse=True, return_counts=True)
        return (counts[which] > 1).reshape(places.shape)
