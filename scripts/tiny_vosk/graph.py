"""The decoding graph in two halves, HCLr.fst and Gr.fst, which libvosk composes while it listens.

HCL leads from transitions through phones to words, G from word to word. OpenFst's look-ahead needs
its words numbered anew, so words.txt comes last. A grammar given at run time takes G's place.
"""

import math
import os
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import kaldifst

from tiny_vosk.kaldi_files import Arc, enter, hold, write_fst
from tiny_vosk.phones import KALDI_PHONES, SILENCE, UNK, Pronunciation, pronunciations

PAUSE = 0.3
"""Probability of silence after a word."""
UNKNOWN = 1e-6
"""Probability of [unk] after any word."""
START, END = "<s>", "</s>"
LOOK_AHEAD = "libfstlookahead.so.22"
"""Debian's libfst-tools; preloaded, because fstconvert does not look for it by itself."""


@dataclass
class Fst:
    """A graph under construction; see `kaldi_files.write_fst`."""

    arcs: list[list[Arc]] = field(default_factory=list)
    finals: dict[int, float] = field(default_factory=dict)

    def state(self) -> int:
        """A new state."""
        self.arcs.append([])
        return len(self.arcs) - 1

    def arc(self, start: int, end: int, label: int, word: int = 0, cost: float = 0.0) -> None:
        """A new arc."""
        self.arcs[start].append((label, word, cost, end))


def write(folder: Path, sentences: Sequence[Sequence[str]], work: Path) -> None:
    """Write graph/ but for phones/.

    Args:
        folder: Where it goes.
        sentences: From which the words and their order are learned.
        work: For files on the way.
    """
    words = [*sorted({word for sentence in sentences for word in sentence}), UNK]
    numbers = {word: number for number, word in enumerate(words, 1)}
    lexicon, marks = _lexicon(numbers, pronunciations(words))
    write_fst(work / "hcl.fst", 0, *_with_holding(lexicon))
    _run("fstarcsort", "--sort_type=olabel", work / "hcl.fst", work / "hcl-sorted.fst")
    pairs = f"--save_relabel_opairs={work / 'relabelled'}"
    look_ahead = ("fstconvert", "--fst_type=olabel_lookahead", pairs)
    _run(*look_ahead, work / "hcl-sorted.fst", folder / "HCLr.fst")
    lines = (work / "relabelled").read_text().splitlines()
    anew = {int(old): int(new) for old, new in (line.split() for line in lines)}
    numbers = {word: anew[number] for word, number in numbers.items()}
    write_fst(work / "g.fst", 0, *_language(numbers, sentences))
    _run("fstarcsort", "--sort_type=ilabel", work / "g.fst", work / "g-sorted.fst")
    _run("fstconvert", "--fst_type=const", work / "g-sorted.fst", folder / "Gr.fst")
    (folder / "disambig_tid.int").write_text("".join(f"{mark}\n" for mark in marks), "utf-8")
    (folder / "words.txt").write_text(_word_table(numbers), "utf-8")


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, env=os.environ | {"LD_PRELOAD": LOOK_AHEAD})


def _word_table(numbers: Mapping[str, int]) -> str:
    ranked = sorted(numbers, key=lambda word: numbers[word])
    marks = {mark: max(numbers.values()) + at for at, mark in enumerate(("#0", START, END), 1)}
    lines = ["<eps> 0", *(f"{word} {numbers[word]}" for word in ranked)]
    return "\n".join([*lines, *(f"{mark} {number}" for mark, number in marks.items())]) + "\n"


# HCL ----------------------------------------------------------------------------------------------


def _lexicon(
    numbers: Mapping[str, int], spoken: Mapping[str, list[Pronunciation]]
) -> tuple[Fst, list[int]]:
    """Phones to words, made deterministic; and the transitions that stand for its marks.

    A mark is a phone that is not heard. It ends a word that sounds as another one does, or as its
    beginning, so that the graph can be made deterministic at all.
    """
    marked, most = _marked(spoken)
    lexicon = Fst()
    first, between, silent, silent_end = (lexicon.state() for _ in range(4))
    no_pause, pause = _cost(1 - PAUSE), _cost(PAUSE)
    lexicon.arc(first, between, 0, 0, no_pause)
    lexicon.arc(first, silent, 0, 0, pause)
    lexicon.arc(silent, silent_end, SILENCE)
    lexicon.arc(silent_end, between, _mark(1))
    for word, phones in marked:
        at = between
        for place, phone in enumerate(phones):
            said = numbers[word] if place == 0 else 0
            if place == len(phones) - 1:
                lexicon.arc(at, between, phone, said, no_pause)
                lexicon.arc(at, silent, phone, said, pause)
            else:
                following = lexicon.state()
                lexicon.arc(at, following, phone, said)
                at = following
    lexicon.finals[between] = 0.0
    transitions = [2 * KALDI_PHONES + number for number in range(1, most + 1)]
    return _deterministic(lexicon), transitions


def _marked(
    spoken: Mapping[str, list[Pronunciation]],
) -> tuple[list[tuple[str, Pronunciation]], int]:
    """Pronunciations with the marks they need, and how many marks there are."""
    all_of_them = [(word, phones) for word, several in spoken.items() for phones in several]
    shared = Counter(phones for _, phones in all_of_them)
    beginnings = {phones[:end] for phones in shared for end in range(1, len(phones))}
    used: Counter[Pronunciation] = Counter()
    marked = []
    for word, phones in all_of_them:
        if shared[phones] > 1 or phones in beginnings:
            used[phones] += 1
            marked.append((word, (*phones, _mark(1 + used[phones]))))
        else:
            marked.append((word, phones))
    return marked, 1 + max(used.values(), default=0)


def _mark(number: int) -> int:
    return KALDI_PHONES + number


def _deterministic(fst: Fst) -> Fst:
    lines = [
        f"{state} {end} {label} {word} {cost}"
        for state, leaving in enumerate(fst.arcs)
        for label, word, cost, end in leaving
    ]
    lines += [f"{state} {cost}" for state, cost in fst.finals.items()]
    compiled = kaldifst.compile("\n".join(lines), acceptor=False)
    kaldifst.arcsort(compiled, "ilabel")
    kaldifst.determinize_star(compiled)
    done = Fst()
    for state in range(compiled.num_states):
        done.state()
        for arc in kaldifst.ArcIterator(compiled, state):
            done.arc(state, arc.nextstate, arc.ilabel, arc.olabel, float(arc.weight.value))
        final = float(compiled.final(state).value)
        if math.isfinite(final):
            done.finals[state] = final
    return done


def _with_holding(fst: Fst) -> tuple[dict[int, float], list[list[Arc]]]:
    """Phones as transitions: entered on the arc, held by a loop on the state behind it."""
    entered_by: defaultdict[int, set[int]] = defaultdict(set)
    entered_by[0].add(0)
    for leaving in fst.arcs:
        for label, _, _, end in leaving:
            entered_by[end].add(label if label <= KALDI_PHONES else 0)
    done = Fst([[] for _ in fst.arcs], fst.finals)
    own_state: dict[tuple[int, int], int] = {}
    for state, leaving in enumerate(fst.arcs):
        for label, word, cost, end in leaving:
            target = end
            if 0 < label <= KALDI_PHONES and len(entered_by[end]) > 1:
                target = own_state.get((end, label)) or done.state()
                if (end, label) not in own_state:
                    own_state[end, label] = target
                    done.arc(target, target, hold(label))
                    done.arc(target, end, 0)
            done.arc(state, target, _transition(label), word, cost)
        if len(entered_by[state]) == 1 and 0 not in entered_by[state]:
            done.arc(state, state, hold(next(iter(entered_by[state]))))
    return done.finals, done.arcs


def _transition(label: int) -> int:
    if label == 0:
        return 0
    return enter(label) if label <= KALDI_PHONES else KALDI_PHONES + label


# G ------------------------------------------------------------------------------------------------


def _language(
    numbers: Mapping[str, int], sentences: Sequence[Sequence[str]]
) -> tuple[dict[int, float], list[list[Arc]]]:
    """Bigrams that back off, after Witten and Bell; [unk] only by backing off."""
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for before, word in zip([START, *sentence], [*sentence, END], strict=True):
            after[before][word] += 1
    alone = sum(after.values(), Counter())
    total = sum(alone.values()) + 0.5 * (len(numbers) + 1)
    single = {word: (alone[word] + 0.5) / total for word in [*numbers, END]} | {UNK: UNKNOWN}
    language = Fst()
    begin, backing_off = language.state(), language.state()
    states = {START: begin} | {word: language.state() for word in numbers}
    language.finals[backing_off] = _cost(single[END])
    for word, number in numbers.items():
        language.arc(backing_off, states[word], number, number, _cost(single[word]))
    for before, state in states.items():
        count, kinds = after[before].total(), len(after[before])
        backed_off = kinds / (count + kinds) if kinds else 1.0
        language.arc(state, backing_off, 0, 0, _cost(backed_off))
        for word, times in after[before].items():
            probability = (times + kinds * single[word]) / (count + kinds)
            if word == END:
                language.finals[state] = _cost(probability)
            else:
                number = numbers[word]
                language.arc(state, states[word], number, number, _cost(probability))
    return language.finals, language.arcs


def _cost(probability: float) -> float:
    return -math.log(probability)
