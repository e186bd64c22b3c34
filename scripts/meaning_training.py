"""How the meaning model's networks are taught: examples, batches, loss and steps."""

import copy
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from meaning_data import SAFETY, UNDECIDED, Example, Speech
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
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Pace:
    """How it goes on."""

    batch: int = 64
    """Examples a step."""
    remembered: float = 0.998
    """What is kept is a running mean of the weights: this much of it stays with every step. Means
    fit new words better than the last step does (Izmailov et al. 2018, arXiv:1803.05407)."""


@dataclass(frozen=True)
class Item:
    """An example as the network sees it."""

    text: str
    intent: int
    """Number of the intent, or `IGNORED` for danger, which has numbers of its own."""
    danger: tuple[float, ...]
    """Of each safety intent, 1 where there is danger, and again 1 where it is clear (tier A)."""


def items(night: Sequence[Example], speech: Speech, intents: Sequence[str]) -> list[Item]:
    """One epoch, of what is left to be read."""
    return [item for example in night if (item := _item(example, speech, intents)).text]


def _item(example: Example, speech: Speech, intents: Sequence[str]) -> Item:
    words = canonical(example.text, speech.pack.names).split()
    danger = (
        *(float(example.intent == each) for each in SAFETY),
        *(float(example.intent == each and example.tier == "A") for each in SAFETY),
    )
    undecided = any(danger) or example.intent == UNDECIDED
    number = IGNORED if undecided else intents.index(example.intent)
    return Item(" ".join(EX_READ_AS if word == EX else word for word in words), number, danger)


def groups(network: nn.Module, rate: float, head: float, decay: float) -> list[dict[str, Any]]:
    """What is to be learnt, each parameter with its learning rate.

    Args:
        network: With `layers` and a `head`.
        rate: Of the highest layer.
        head: Of the head.
        decay: A layer learns so much slower than the one above it: low layers know the language.
    """
    layers = len(list(network.get_submodule("layers").children()))
    found = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            depth = int(name.split(".")[1]) + 1 if name.startswith("layers.") else 0
            learns = head if name.startswith("head.") else rate * decay ** (layers - depth)
            shrinks = 0.0 if parameter.ndim == 1 else 0.01
            found.append({"params": [parameter], "lr": learns, "weight_decay": shrinks})
    return found


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
    batches = [batch for night in epochs for batch in _batches(night, pace.batch, draw)]
    began, total = time.monotonic(), 0.0
    network.train()
    for step, batch in enumerate(batches, start=1):
        share = min(step / (WARM_UP * len(batches)), 1 - step / (len(batches) + 1))
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, share)
        loss = _loss(network, batch)
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
        numbers[:, :intents], wanted, ignore_index=IGNORED, label_smoothing=SMOOTHING
    )
    meant = meant if math.isfinite(meant.item()) else torch.zeros(())
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
