"""Fetch a published checkpoint and import it into a model folder in the user's cache."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bisenet_core.deployment.model_folder import write_model_folder
from bisenet_core.deployment.published.catalogue import Published, cache_folder, is_installed
from bisenet_core.deployment.published.download import DownloadError, Report, download
from bisenet_core.deployment.published.importer import Source, card_of, read_network
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.models.weights.renamings import renaming_of
from bisenet_core.runtime.model_card import ModelCard

_LOG = logging.getLogger(__name__)


def fetch(published: Published, report: Report, images: Path | None = None) -> tuple[Path, bool]:
    """(its model folder, whether it had to be fetched); ``report`` is told how the download goes on.

    The folder appears in the user's cache at once and whole. ``InputError`` says what to do where there is no
    network, no room, or another file than the publisher names.
    """
    folder = cache_folder() / published.folder
    downloads = cache_folder().parent / "downloads"
    with _locked(downloads / f"{published.file}.lock"):
        # a folder that was imported when no card could name another way than half-pixel centres is made anew
        renaming = renaming_of(published.format, published.architecture)
        if is_installed(published) and ModelCard.load(folder).upsampling == renaming.upsampling:
            return folder, False
        for left in folder.parent.glob(f".{folder.name}.*"):  # by a killed process, as nobody else is here
            shutil.rmtree(left, ignore_errors=True)
        path = _download(published, downloads / published.file, folder, report)
        source = Source(path, published.format, published.architecture, published.dataset)
        try:
            network, conventions = read_network(source)
        except InputError as error:
            if published.sha256_prefix:
                raise
            path.unlink()  # nothing says that it is the right file
            raise InputError(f"{error}; the download was removed, run it again") from None
        card = card_of(source, published.folder, published, conventions)
        write_model_folder(network, card, folder, images)
    return folder, True


def _download(published: Published, path: Path, folder: Path, report: Report) -> Path:
    try:
        return download(published.url, path, published.sha256_prefix, report)
    except DownloadError as error:
        raise InputError(
            f"{error}; or bring the file by other means and give it to `bisenet weights import FILE --from "
            f"{published.format} --architecture {published.architecture} --dataset {published.dataset} "
            f"--output {folder}`"
        ) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock ``path``, waiting while another process has it."""
    with explain_os_errors(f"cannot write {path}", "make it writable or make room"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            _LOG.warning("another process is fetching it; waiting until that is done")
            held = lock.acquire()
    with held:
        yield
