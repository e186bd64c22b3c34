"""What the written model hears, through the real libvosk."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import vosk
from rapidfuzz.distance import Levenshtein

from tiny_vosk.speech import RATE, Sound, speak

VOICES = ("flite slt", "flite rms", "flite awb", "espeak-ng en-us", "flite kal16")
"""The last was never learned from."""


def figures(folder: Path, sentences: Sequence[str], work: Path) -> Iterator[str]:
    """Word error rate of each voice, and how quick it is."""
    vosk.SetLogLevel(-1)
    begun = time.perf_counter()
    model = vosk.Model(str(folder))
    yield f"loaded in {1000 * (time.perf_counter() - begun):.0f} ms"
    spent = seconds = 0.0
    for voice in VOICES:
        errors = words = 0
        for sentence in sentences:
            pause = np.zeros(RATE // 3, np.float32)
            sound = np.concatenate([pause, speak(voice, sentence, work), pause])
            begun = time.process_time()
            heard = _heard(model, sound)
            spent += time.process_time() - begun
            seconds += len(sound) / RATE
            errors += Levenshtein.distance(sentence.split(), heard.split())
            words += len(sentence.split())
        yield f"{voice}: word error rate {100 * errors / words:.1f} % of {words} words"
    yield f"decoded at {spent / seconds:.4f} of real time"


def _heard(model: Any, sound: Sound) -> str:  # noqa: ANN401 - an untyped library
    recogniser = vosk.KaldiRecognizer(model, RATE)
    samples = sound.astype(np.int16).tobytes()
    texts = [
        json.loads(recogniser.Result())["text"]
        for start in range(0, len(samples), 6400)
        if recogniser.AcceptWaveform(samples[start : start + 6400])
    ]
    return " ".join([*texts, json.loads(recogniser.FinalResult())["text"]]).strip()


def main() -> None:
    """`judging.py MODEL SENTENCES WORK`: print the figures."""
    folder, sentences, work = map(Path, sys.argv[1:])
    for line in figures(folder, sentences.read_text("utf-8").splitlines(), work):
        print(line, flush=True)


if __name__ == "__main__":
    main()
