"""How the meaning model's networks are taught: batches, loss and steps, for every one of them."""

import copy
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from meaning_data import SAFETY, UNDECIDED, UNLABELLED, Example, Speech
from torch import Tensor, nn

from lowtide.intents.text import EX, canonical
from lowtide.models.meaning import EX_READ_AS

WARM_UP = 0.06
"""Of all steps."""
SMOOTHING = 0.05
"""Label smoothing: the phrases are ours, and some could have been said for another intent."""
IGNORED = -100
DANGER_SHARE, MISS_WEIGHT = 8.0, 1.5
"""Of the danger head's loss beside the intents', and of a missed danger beside a false alarm."""
TEACHERS_SHARE = 0.6
"""Of the teachers' reading in what a network is asked for, the label having the rest (Hinton et al.
2015, arXiv:1503.02531); where there is no label it is all."""
READ_AT_ONCE = 128
"""Examples that the teacher reads at once."""
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Item:
    """An example as a network sees it."""

    text: str
    intent: int
    """Number of the intent, or `IGNORED` for danger, which has numbers of its own."""
    danger: tuple[float, ...]
    """Of each safety intent, 1 where there is danger, and again 1 where it is clear (tier A)."""
    labelled: bool = True
    taught: tuple[float, ...] = ()
    """Teachers' numbers for the text, their mean; empty where there is none."""


def items(night: Sequence[Example], speech: Speech, intents: Sequence[str]) -> list[Item]:
    """One epoch."""
    return [item for example in night if (item := _item(example, speech, intents)).text]


def _item(example: Example, speech: Speech, intents: Sequence[str]) -> Item:
    words = canonical(example.text, speech.pack.names).split()
    danger = (
        *(float(example.intent == each) for each in SAFETY),
        *(float(example.intent == each and example.tier == "A") for each in SAFETY),
    )
    undecided = any(danger) or example.intent in (UNDECIDED, UNLABELLED)
    number = IGNORED if undecided else intents.index(example.intent)
    text = " ".join(EX_READ_AS if word == EX else word for word in words)
    return Item(text, number, danger, example.intent != UNLABELLED)


@dataclass(frozen=True)
class Pace:
    """How it goes on."""

    batch: int = 64
    """Examples a step."""
    remembered: float = 0.998
    """What is kept is a running mean of the weights: this much of it stays with every step. Means
    fit new words better than the last step does (Izmailov et al. 2018, arXiv:1803.05407)."""


@torch.no_grad()
def taught(night: Sequence[Item], teachers: Sequence[nn.Module]) -> list[Item]:
    """The same, shortest first, each with what the teachers make of it."""
    for teacher in teachers:
        teacher.eval()
    in_order = sorted(night, key=lambda item: len(item.text))
    learnt: list[Item] = []
    for start in range(0, len(in_order), READ_AT_ONCE):
        batch = in_order[start : start + READ_AT_ONCE]
        texts = [item.text for item in batch]
        with torch.autocast("cpu", torch.bfloat16):
            numbers = torch.stack([teacher(texts).float() for teacher in teachers]).mean(0)
        rows = zip(batch, numbers.tolist(), strict=True)
        learnt += [replace(item, taught=tuple(row)) for item, row in rows]
    return learnt


def train(
    network: N,
    groups: Sequence[dict[str, Any]],
    epochs: Sequence[Sequence[Item]],
    draw: random.Random,
    pace: Pace = Pace(),
) -> N:
    """Teach a network; what is given back is the mean of its weights on the way.

    Args:
        network: To be taught.
        groups: Its parameters with their learning rates.
        epochs: What it is shown.
        draw: Mixes the examples.
        pace: Of the steps.
    """
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(groups, fused=True)
    rates = [group["lr"] for group in optimiser.param_groups]
    batches = [each for night in epochs for each in _batches(night, pace.batch, draw)]
    began, total = time.monotonic(), 0.0
    network.train()
    for step, shown in enumerate(batches, start=1):
        share = min(step / (WARM_UP * len(batches)), 1 - step / (len(batches) + 1))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, share)
        loss = _loss(network, shown)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _remember(mean, network, min(pace.remembered, step / (step + 10)))
        total += loss.item()
        if step % 50 == 0:
            print(f"{step}/{len(batches)} loss {total / 50:.3f} {time.monotonic() - began:.0f} s")
            sys.stdout.flush()
            total = 0.0
    return mean


@torch.no_grad()
def _remember(mean: nn.Module, network: nn.Module, share: float) -> None:
    for kept, now in zip(mean.parameters(), network.parameters(), strict=True):
        if now.requires_grad:
            kept.lerp_(now, 1 - share)


def _loss(network: nn.Module, batch: Sequence[Item]) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        numbers = network([item.text for item in batch])
    wanted = torch.tensor([item.intent for item in batch])
    danger = torch.tensor([item.danger for item in batch])
    numbers = numbers.float()
    intents = numbers.shape[1] - danger.shape[1]
    meant = F.cross_entropy(
        numbers[:, :intents],
        wanted,
        ignore_index=IGNORED,
        label_smoothing=SMOOTHING,
        reduction="none",
    )
    counted = wanted != IGNORED
    if all(item.taught for item in batch):
        teachers = torch.tensor([item.taught for item in batch])
        labelled = torch.tensor([item.labelled for item in batch])
        share = torch.where(labelled, TEACHERS_SHARE, 1.0)
        shares = teachers[:, :intents].softmax(-1)
        as_taught = -(shares * numbers[:, :intents].log_softmax(-1)).sum(-1)
        meant = meant.lerp(as_taught, share)
        counted |= ~labelled
        danger = danger.lerp(teachers[:, intents:].sigmoid(), share[:, None])
    meant = meant[counted].sum() / max(1, int(counted.sum()))
    weight = torch.full((danger.shape[1],), MISS_WEIGHT)
    return meant + DANGER_SHARE * F.binary_cross_entropy_with_logits(
        numbers[:, intents:], danger, pos_weight=weight
    )


def _batches(night: Sequence[Item], size: int, draw: random.Random) -> Iterator[list[Item]]:
    """Batches of about equal lengths, in no order."""
    mixed = list(night)
    draw.shuffle(mixed)
    chunks = [mixed[start : start + 16 * size] for start in range(0, len(mixed), 16 * size)]
    for chunk in chunks:
        chunk.sort(key=lambda item: len(item.text))
        batches = [chunk[start : start + size] for start in range(0, len(chunk), size)]
        draw.shuffle(batches)
        yield from batches
