"""What single PTX instructions compute, on arrays with a value for each thread."""

import numpy as np

TYPES = {kind + str(8 * size): np.dtype(letter + str(size))
         for kind, letter in (("u", "u"), ("b", "u"), ("s", "i"), ("f", "f")) for size in (1, 2, 4, 8)
         if kind + str(size) != "f1"}
TYPES["pred"] = np.dtype(bool)

_COMPARISONS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
                "ge": np.greater_equal}


def _toward_zero(a, b):
    a, b = a.astype(np.int64), b.astype(np.int64)
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def _shifted_left(a, count):
    bits = 8 * a.dtype.itemsize
    return np.where(count < bits, a << np.minimum(count, bits - 1).astype(a.dtype), 0).astype(a.dtype)


def _shifted_right(a, count):
    bits = 8 * a.dtype.itemsize
    moved = a >> np.minimum(count, bits - 1).astype(a.dtype)
    return moved if a.dtype.kind == "i" else np.where(count < bits, moved, 0).astype(a.dtype)


def _bytes_of(a, b, selector):
    """prmt: each byte of the result is one of the eight of a and b."""
    both = a.astype(np.uint64) | b.astype(np.uint64) << np.uint64(32)
    result = np.zeros_like(both)
    for index in range(4):
        chosen = selector.astype(np.uint64) >> np.uint64(4 * index) & np.uint64(15)
        assert (chosen < 8).all(), "prmt that repeats a sign"
        result |= (both >> np.uint64(8) * chosen & np.uint64(255)) << np.uint64(8 * index)
    return result.astype(np.uint32)


def _inserted(a, b, position, length):
    """bfi: the lowest bits of a, put into b."""
    mask = ((np.uint64(1) << length.astype(np.uint64)) - np.uint64(1)) << position.astype(np.uint64)
    moved = a.astype(np.uint64) << position.astype(np.uint64)
    return (moved & mask | b.astype(np.uint64) & ~mask).astype(np.uint32)


def _bits(a):
    return np.unpackbits(a.astype(">u4").view(np.uint8)).reshape(-1, 32)


def _reversed_bits(a):
    return np.packbits(_bits(a)[:, ::-1], 1).view(">u4")[:, 0].astype(np.uint32)


def _rounded_down(exact):
    nearest = exact.astype(np.float32)
    return np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest).astype(np.float32)


def _fused(mode, a, b, c):
    exact = a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)
    return _rounded_down(exact) if mode == "rm" else exact.astype(np.float32)


_UNARY_AND_BINARY = {
    "add": np.add, "sub": np.subtract, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "not": np.invert, "neg": np.negative, "mov": np.array, "shl": _shifted_left, "shr": _shifted_right,
    "prmt": _bytes_of, "bfi": _inserted, "popc": lambda a: _bits(a).sum(1).astype(np.uint32),
    "brev": _reversed_bits, "abs": np.abs, "ex2": np.exp2, "rcp": np.reciprocal,
    "bfind": lambda a: np.where(a == 0, 0xFFFFFFFF, _bits(a).argmax(1)).astype(np.uint32),  # .shiftamt
    "rem": lambda a, b: (a - _toward_zero(a, b) * b).astype(a.dtype)}


def compute(opcode, values, dtype):
    """The result of an instruction that touches registers alone; ``dtype`` is that of its type."""
    name = opcode[0]
    if name in ("min", "max"):
        choose = (np.fmin if name == "min" else np.fmax) if dtype.kind == "f" else getattr(np, name + "imum")
        return choose(*values)
    if name == "fma":
        return _fused(opcode[1], *values)
    if name in ("mul", "mad") and dtype.kind != "f":
        product = _product(opcode[1], values[0], values[1])
        return product + values[2].astype(product.dtype) if name == "mad" else product
    if name == "mul":
        return values[0] * values[1]
    if name == "div":
        return values[0] / values[1] if dtype.kind == "f" else _toward_zero(*values).astype(dtype)
    return _UNARY_AND_BINARY[name](*values)


def _product(part, a, b):
    wide = np.dtype(a.dtype.kind + "8")
    exact = a.astype(wide) * b.astype(wide)
    if part == "hi":
        assert a.dtype.itemsize < 8
        return (exact >> wide.type(8 * a.dtype.itemsize)).astype(a.dtype)
    return exact.astype(a.dtype.kind + str(2 * a.dtype.itemsize)) if part == "wide" else exact.astype(a.dtype)


def compare(opcode, a, b):
    """setp: ``ltu`` and its like are true also for what is no number."""
    relation = opcode[1]
    if a.dtype.kind == "f" and relation.endswith("u"):
        return _COMPARISONS[relation[:2]](a, b) | np.isnan(a) | np.isnan(b)
    return _COMPARISONS[relation](a, b)


def convert(opcode, value):
    """cvt.mode.to.from"""
    modes, target = opcode[1:-2], TYPES[opcode[-2]]
    if value.dtype.kind == "f":
        for mode, function in (("rni", np.rint), ("rmi", np.floor), ("rzi", np.trunc)):
            value = function(value) if mode in modes else value
        value = np.clip(value, 0, 1) if "sat" in modes else value
    return value.astype(target)
