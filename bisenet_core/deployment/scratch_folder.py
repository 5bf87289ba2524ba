"""A folder to write a model in before it takes the place of another."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A new folder on ``output``'s file system, so that what it holds can be renamed; removed in the end.

    It lies in ``output`` where that is a folder, else beside it. Raises OSError where none can be made.
    """
    parent = output if output.is_dir() else output.parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f".{output.name}.{uuid.uuid4().hex[:8]}"
    folder.mkdir()  # not mkdtemp, whose folders nobody else may read
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
