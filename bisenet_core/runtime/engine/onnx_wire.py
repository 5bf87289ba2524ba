"""Reading and writing protobuf messages, the few kinds of fields that ONNX files have.

A robot has TensorRT but seldom the onnx package, which Python 3.6 no longer gets for every processor.
"""

from typing import Any, Callable, Dict, Iterator, List, Tuple, Union

#: Kinds of fields ("wire types").
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}

Value = Union[int, bytes]
#: (number, kind, value): an int for VARINT, the bytes themselves for the others.
Field = Tuple[int, int, Value]
#: A field's value -> the values that take its place.
Edit = Callable[[Any], List[Value]]


def read_fields(message: bytes) -> Iterator[Field]:
    """The fields of a message in their order. Raises ValueError for bytes that are no message."""
    position = 0
    while position < len(message):
        key, start = _read_varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            whole, position = _read_varint(message, start)
            yield number, kind, whole
            continue
        size, start = _size_of(kind, message, start)
        position = start + size
        if position > len(message):
            raise ValueError("a field ends beyond its message")
        yield number, kind, message[start:position]


def write_fields(fields: List[Field]) -> bytes:
    """The message made of ``fields``; the inverse of ``read_fields``."""
    return b"".join(_write_field(*field) for field in fields)


def edited(message: bytes, edits: Dict[int, Edit]) -> bytes:
    """The message with every field that ``edits`` has replaced: by none, one or several of its number."""
    return write_fields([
        (number, kind, value) for number, kind, old in read_fields(message)
        for value in (edits[number](old) if number in edits else [old])])


def texts(fields: List[Field], number: int) -> List[str]:
    """Every value of a text field."""
    return [value.decode("utf-8") for value in messages(fields, number)]


def messages(fields: List[Field], number: int) -> List[bytes]:
    """Every value of a field of bytes: a text, or a message within the message."""
    return [value for found, _, value in fields if found == number and isinstance(value, bytes)]


def number_of(fields: List[Field], number: int) -> int:
    """The value of a whole-number field, 0 where it is absent."""
    return next((value for found, _, value in fields if found == number and isinstance(value, int)), 0)


def _write_field(number: int, kind: int, value: Value) -> bytes:
    key = _write_varint(number << 3 | kind)
    if isinstance(value, int):
        return key + _write_varint(value)
    return key + (_write_varint(len(value)) if kind == BYTES else b"") + value


def _size_of(kind: int, message: bytes, position: int) -> Tuple[int, int]:
    if kind == BYTES:
        return _read_varint(message, position)
    if kind not in _FIXED_SIZES:
        raise ValueError(f"unknown kind of field {kind}")
    return _FIXED_SIZES[kind], position


def _read_varint(message: bytes, position: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("the message ends within a number")
        byte = message[position]
        value, position = value | (byte & 0x7F) << shift, position + 1
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 64 bits")


def _write_varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low]) if not high else bytes([low | 0x80]) + _write_varint(high)
