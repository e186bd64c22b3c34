"""Which models exist: read from `catalogue.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["speech", "meaning"]


@dataclass(frozen=True)
class Model:
    """A model that can be fetched and verified, or that may be one day."""

    name: str
    kind: Kind
    language: str
    what: str
    """In a few words for a person."""
    bytes: int
    """Size of the download."""
    licence: str
    notes: str
    sha256: str = ""
    """Of the download; empty while nobody has verified it, and then it can't be installed."""
    exact: bool = True
    """Whether `bytes` is to the byte."""
    one_source: bool = False
    """Whether the sum was read in one place only, with no second one to compare."""
    accuracy: str = ""
    """What its makers say of it."""
    memory: int = 0
    """Megabytes it takes while it works; 0 where nobody has said."""
    url: str = ""
    """A zip file, or empty."""
    pypi: str = ""
    """A requirement whose wheel carries the model, or empty."""

    @property
    def installable(self) -> bool:
        """Whether what is fetched could be verified."""
        return bool(self.sha256)

    @property
    def megabytes(self) -> str:
        """The size for a person."""
        return f"{'' if self.exact else 'about '}{self.bytes / 1e6:.0f} MB"


@cache
def catalogue() -> tuple[Model, ...]:
    """Every model; of each kind the one to fetch first stands first."""
    raw = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text("utf-8"))
    return tuple(Model(**entry) for entry in raw["model"])
