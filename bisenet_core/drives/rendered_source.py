"""The rendered drive as a source: a street drawn by the project itself, with exact labels."""

from collections.abc import Iterator

from bisenet_core.drives.frame import Frame, Source, uniform_stamp
from bisenet_core.drives.rendering import RenderedDrive


class RenderedSource(Source):
    """The frames of a ``RenderedDrive``, drawn as they are asked for."""

    name = "rendered drive"
    label_space_truth = True

    def __init__(self, drive: RenderedDrive | None = None, rate: float | None = None) -> None:
        self._drive = drive or RenderedDrive()
        self.rate = self._rate = rate or self._drive.rate

    def __len__(self) -> int:
        return len(self._drive)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(len(self)):
            image, labels = self._drive[index]
            yield Frame(index, uniform_stamp(index, self._rate), f"{index:06d}", image, labels)
