"""Writes the model as Vosk reads it: am/, conf/ and graph/ with HCLr.fst and Gr.fst."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tiny_vosk import graph, kaldi_files, phones
from tiny_vosk.kaldi_files import Floats, KaldiFile

CEPSTRA, WIDTH = 40, 192
"""Numbers the network reads of each frame, and how wide its layers are."""
LAYERS = ((-2, -1, 0, 1, 2), (-1, 0, 1), (-3, 0, 3), (-3, 0, 3), (-3, 0, 3), (-6, 0, 3))
"""Frames of 10 ms, from its own, that each layer looks at."""
LEFT, RIGHT = -sum(layer[0] for layer in LAYERS), sum(layer[-1] for layer in LAYERS)
"""Frames the whole network looks back and ahead."""
UNKNOWN_SCORE = 1.5
"""Of [unk]'s one phone in every frame: what fits the sounds of a word better is that word."""
MFCC = """--use-energy=false
--sample-frequency=16000
--num-mel-bins=40
--num-ceps=40
--low-freq=20
--high-freq=-400
--dither=0.0
"""
DECODING = f"""--min-active=200
--max-active=3000
--beam=13.0
--lattice-beam=6.0
--acoustic-scale=0.5
--frame-subsampling-factor=3
--endpoint.silence-phones={phones.SILENCE}
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""


def write(folder: Path, sentences: Iterable[str], network: Path, work: Path) -> None:
    """Write the whole folder.

    Args:
        folder: The model's.
        sentences: Its language.
        network: What `network.train` wrote.
        work: For files on the way.
    """
    for part in ("am", "conf", "graph/phones"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with np.load(network) as arrays:
        _write_network(folder / "am" / "final.mdl", dict(arrays))
    (folder / "conf" / "mfcc.conf").write_text(MFCC, "utf-8")
    (folder / "conf" / "model.conf").write_text(DECODING, "utf-8")
    boundaries = folder / "graph" / "phones" / "word_boundary.int"
    boundaries.write_text(phones.word_boundaries(), "utf-8")
    graph.write(folder / "graph", [sentence.split() for sentence in sentences], work)


def _write_network(path: Path, arrays: dict[str, Floats]) -> None:
    with path.open("wb") as file:
        kaldi = KaldiFile(file)
        kaldi_files.write_transitions(kaldi, phones.outputs())
        with kaldi.inside("Nnet3"):
            kaldi.lines(_wiring())
            kaldi.token("<NumComponents>")
            kaldi.integers(2 * len(LAYERS) + 3)
            for number in range(len(LAYERS)):
                _name(kaldi, f"tdnn{number}.affine")
                weight, bias = arrays[f"weight{number}"], arrays[f"bias{number}"]
                kaldi_files.write_affine(kaldi, weight, bias)
                _name(kaldi, f"tdnn{number}.relu")
                kaldi_files.write_nonlinearity(kaldi, "RectifiedLinearComponent", WIDTH)
            _name(kaldi, "out.affine")
            kaldi_files.write_affine(kaldi, arrays["weight_out"], arrays["bias_out"])
            _name(kaldi, "out.log")
            kaldi_files.write_nonlinearity(kaldi, "LogSoftmaxComponent", phones.OUTPUTS)
            _name(kaldi, "out.unlikely")
            kaldi_files.write_affine(kaldi, *_less_the_usual(arrays["shares"]))
        kaldi.token("<LeftContext>")
        kaldi.integers(LEFT)
        kaldi.token("<RightContext>")
        kaldi.integers(RIGHT)
        kaldi.token("<Priors>")
        kaldi.vector([])


def _wiring() -> list[str]:
    """nnet3's lines about what feeds what."""
    lines, before = [f"input-node name=input dim={CEPSTRA}"], "input"
    for number, layer in enumerate(LAYERS):
        frames = ", ".join(before if at == 0 else f"Offset({before}, {at})" for at in layer)
        lines += [_node(f"tdnn{number}.affine", f"Append({frames})")]
        lines += [_node(f"tdnn{number}.relu", f"tdnn{number}.affine")]
        before = f"tdnn{number}.relu"
    for name in ("out.affine", "out.log", "out.unlikely"):
        lines += [_node(name, before)]
        before = name
    return [*lines, f"output-node name=output input={before} objective=linear"]


def _node(name: str, of: str) -> str:
    return f"component-node name={name} component={name} input={of}"


def _name(kaldi: KaldiFile, name: str) -> None:
    kaldi.token("<ComponentName>")
    kaldi.token(name)


def _less_the_usual(shares: Floats) -> tuple[Floats, Floats]:
    """Subtracts how often each phone is spoken at all, and adds [unk]'s constant."""
    weight = np.vstack([np.eye(len(shares)), np.zeros((1, len(shares)))])
    return weight, np.append(-np.log(shares), UNKNOWN_SCORE)
