"""Which models exist: read from `catalogue.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["speech", "meaning"]


@dataclass(frozen=True)
class Model:
    """A model that can be fetched and verified."""

    name: str
    kind: Kind
    language: str
    what: str
    """In a few words for a person."""
    bytes: int
    """Size of the download."""
    sha256: str
    """Of the download."""
    licence: str
    notes: str
    url: str = ""
    """A zip file, or empty."""
    pypi: str = ""
    """A requirement whose wheel carries the model, or empty."""

    @property
    def megabytes(self) -> str:
        """The size for a person."""
        return f"{self.bytes / 1e6:.0f} MB"


@cache
def catalogue() -> tuple[Model, ...]:
    """Every model, in the order in which they are preferred."""
    raw = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text("utf-8"))
    return tuple(Model(**entry) for entry in raw["model"])


def find(name: str) -> Model | None:
    """The model of this name, or the first of this kind ("speech", "meaning")."""
    named = [model for model in catalogue() if name in (model.name, model.kind)]
    return named[0] if named else None
