"""What understands a pack, its phrases expanded once and kept until a file of it changes.

Expanding some 6,000 templates takes most of a second; reading the result back takes a hundredth.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

import lowtide.intents.pack
import lowtide.intents.text
from lowtide.intents.completeness import Completeness
from lowtide.intents.events import Hypothesis, Understanding
from lowtide.intents.pack import Pack, compiled
from lowtide.intents.understanding import Understander
from lowtide.voice.errors import BadMeaning
from lowtide.voice.prompts import cache_root

WITHOUT_ENCODER = (
    "onnxruntime or an encoder in models/heads/en is missing, so people's own words are understood "
    "less well; install lowtide again to have them back."
)
Phrases = tuple[tuple[str, str], ...]


def understander(pack: Pack) -> Understander:
    """What understands a pack; says once where the encoder is missing.

    Raises:
        BadMeaning: A file of the meaning model is damaged.
    """
    from lowtide.models.meaning import load as load_meaning  # noqa: PLC0415 - reads 80 MB

    try:
        meaning = load_meaning()
    except (OSError, ValueError) as error:
        raise BadMeaning(
            f"The meaning model is damaged ({error}); install lowtide again."
        ) from error
    if not meaning.whole:
        Console(stderr=True).print(f"lowtide: {WITHOUT_ENCODER}", markup=False)
    return Understander(pack, _phrases(pack), meaning)


class Soon:
    """What understands a pack, made ready beside everything else; who asks too early waits.

    Args:
        pack: What can be heard.
    """

    def __init__(self, pack: Pack) -> None:
        threads = ThreadPoolExecutor(1)
        self._ready = threads.submit(understander, pack)
        threads.shutdown(wait=False)

    def check(self) -> None:
        """Nobody may speak to us who understand nothing.

        Raises:
            BadMeaning: A file of the meaning model is damaged.
        """
        if self._ready.done():
            self._ready.result()

    def understand(
        self, hypotheses: Sequence[Hypothesis], ex_name: str | None = None
    ) -> Understanding:
        """What the readings of one utterance mean."""
        return self._ready.result().understand(hypotheses, ex_name)

    def completeness(self, text: str) -> Completeness:
        """How far a sentence has come."""
        return self._ready.result().completeness(text)


def _phrases(pack: Pack) -> Phrases:
    path = cache_root() / "packs" / f"{_content(pack.folder)}.json"
    with contextlib.suppress(OSError, ValueError):
        return tuple((intent, phrase) for intent, phrase in json.loads(path.read_text("utf-8")))
    phrases = compiled(pack)
    with contextlib.suppress(OSError):  # A cache that can't be kept is built again next time.
        _keep(path, phrases)
    return phrases


def _keep(path: Path, phrases: Phrases) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("*.json"):
        old.unlink()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as part:
        json.dump(phrases, part)
    os.replace(part.name, path)  # noqa: PTH105 - atomic


def _content(folder: Path) -> str:
    """A sum over the pack's files and the code that reads them."""
    code = (lowtide.intents.pack.__file__, lowtide.intents.text.__file__)
    digest = hashlib.sha256()
    for path in (*sorted(folder.iterdir()), *map(Path, code)):
        digest.update(path.name.encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:32]
