"""What a folder must hold for libvosk to take it as a model.

Measured with libvosk 0.3.45: of a file that is missing or cut it mostly says so, but an empty
`disambig_tid.int` or `model.conf` ends the process. A file that is whole and wrong is found by
trying the model in a process of its own (voice/recognisers/vosk_trial.py).
"""

from collections.abc import Iterator
from pathlib import Path

FILES = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf")
STATIC = ("graph/HCLG.fst",)
DYNAMIC = ("graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int")
"""A model has one static graph, or the two halves of one that is put together while it listens."""
BEGINNINGS = {".mdl": b"\0B<TransitionModel>", ".fst": (2125659606).to_bytes(4, "little")}
"""How Kaldi's and OpenFst's files begin."""


def dynamic(folder: Path) -> bool:
    """Whether the graph takes a limited grammar: libvosk prefers a static one."""
    return not (folder / STATIC[0]).is_file()


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with a folder, each as "FILE is missing" or the like."""
    graph = DYNAMIC if dynamic(folder) else STATIC
    if dynamic(folder) and not any((folder / name).is_file() for name in DYNAMIC):
        graph = STATIC  # There is no graph at all: one name says enough.
    optional = ("graph/words.txt", "graph/phones/word_boundary.int")
    for name in (*FILES, *graph):
        if not (folder / name).is_file():
            yield f"{name} is missing"
    for name in (*FILES, *graph, *optional):
        path = folder / name
        if path.is_file() and not path.stat().st_size:
            yield f"{name} is empty"
        elif path.is_file() and not _begins_well(path):
            yield f"{name} is no file of that kind"


def _begins_well(path: Path) -> bool:
    wanted = BEGINNINGS.get(path.suffix, b"")
    with path.open("rb") as file:
        return file.read(len(wanted)) == wanted
