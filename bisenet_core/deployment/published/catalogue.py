"""The published checkpoints that can be fetched, from catalogue.yaml. Needs neither torch nor onnx."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from bisenet_core.errors import InputError, suggest
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.model_search import weights_search_path

#: Format -> who publishes it, and the licence of their code.
PUBLISHERS = {
    "mmseg": "mmsegmentation (Apache-2.0)",
    "coincheung": "CoinCheung/BiSeNet (MIT)",
    "stdc-seg": "STDC-Seg (MIT)",
    "efficientvit": "mit-han-lab/efficientvit (Apache-2.0)",
}


@dataclass(frozen=True)
class Published:
    """One checkpoint. ``miou`` is in per cent, as its publisher reports it for images of ``evaluated_at``."""

    dataset: str
    architecture: str
    variant: str
    format: str
    url: str
    miou: float
    evaluated_at: str
    note: str = ""

    @property
    def name(self) -> str:
        """What the user calls it, such as cityscapes-bisenetv2-ohem."""
        return "-".join(filter(None, (self.dataset, self.architecture.replace("_", "-"), self.variant)))

    @property
    def folder(self) -> str:
        """Name of the model folder it becomes."""
        return self.name.replace("-", "_")

    @property
    def file(self) -> str:
        """Name of the published file."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def sha256_prefix(self) -> str:
        """The first digits of the file's SHA-256, where its name ends in them; otherwise nothing."""
        match = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        return match.group(1) if match else ""

    @property
    def publisher(self) -> str:
        """Who trained it and the licence of their code; for the weights the data's terms hold as well."""
        return PUBLISHERS[self.format]


CATALOGUE = tuple(Published(**{"variant": "", **entry}) for entry in
                  yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text(encoding="utf-8")))


def find_published(name: str) -> Published:
    """The checkpoint called ``name``. ``InputError`` suggests the nearest."""
    known = {entry.name: entry for entry in CATALOGUE}
    if name not in known:
        hint = suggest(name, known, otherwise="`bisenet weights list` shows those there are")
        raise InputError(f"no published checkpoint is called {name!r}; {hint}")
    return known[name]


def recognise(sha256: str) -> Published | None:
    """The checkpoint whose file has this SHA-256, as far as its publisher gives it."""
    known = [entry for entry in CATALOGUE if entry.sha256_prefix and sha256.startswith(entry.sha256_prefix)]
    return known[0] if known else None


def cache_folder() -> Path:
    """Where fetched models are kept and looked for last: ~/.cache/bisenet/weights."""
    return weights_search_path()[-1]


def is_installed(published: Published) -> bool:
    """Whether its model folder is in the user's cache, whole."""
    try:
        ModelCard.load(cache_folder() / published.folder)
    except InputError:
        return False
    return True
