"""Finds four bits for every weight of a network, so that it says nearly what it said before.

The steps are those of `lowtide.models.four_bits`. They are chosen by what a layer hears of our own
lines: an input that is loud counts for more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lowtide.models.four_bits import BLOCK, TOP

SHRUNK = (1.0, 0.9, 0.8, 0.7)
"""Of the step that would hold a column's largest weight: smaller ones clip some and lose less."""
LOUD = 4.0
"""Times the middle input's loudest, from which an input is too loud: it alone would decide in how
coarse steps all of them are told to the layer (Xiao et al. 2023, arXiv:2211.10438)."""


@dataclass(frozen=True)
class Packed:
    """A matrix in four bits; shapes as `lowtide.models.four_bits` has them."""

    step: NDArray[np.float32]
    """Of each column."""
    times: NDArray[np.uint8]
    whole: NDArray[np.int8]
    """In units of the blocks' multiples, not packed yet."""

    def numbers(self) -> NDArray[np.int8]:
        """In units of the columns' steps: what is unpacked."""
        return self.whole * np.repeat(self.times, BLOCK, 0).astype(np.int8)


@dataclass(frozen=True)
class Heard:
    """What a layer's inputs were, over many lines."""

    power: Tensor
    """The sum of each one's squares."""
    loudest: Tensor
    """Of each."""

    def quieter(self) -> Tensor:
        """By what each input has to be divided."""
        return (self.loudest / (LOUD * self.loudest.median())).clamp(min=1.0)


@contextmanager
def listening(linears: Sequence[nn.Linear]) -> Iterator[dict[nn.Linear, Heard]]:
    """Gather what these layers' inputs are, of all that the network reads meanwhile."""
    heard = {
        each: Heard(torch.zeros(each.in_features), torch.zeros(each.in_features))
        for each in linears
    }

    def hear(linear: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        states = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
        what = heard[linear]  # type: ignore[index]
        what.power.add_(states.square().sum(0))
        torch.maximum(what.loudest, states.abs().amax(0), out=what.loudest)

    hooks = [each.register_forward_pre_hook(hear) for each in linears]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


class Quieter(nn.Module):
    """A linear layer some of whose inputs are made quieter first, and its weights larger for it."""

    def __init__(self, linear: nn.Linear, heard: Heard) -> None:
        super().__init__()
        by = heard.quieter()
        self.linear = nn.Linear(linear.in_features, linear.out_features)
        self.linear.weight.copy_(linear.weight * by)
        self.linear.bias.copy_(linear.bias)
        self.register_buffer("by", 1 / by)
        self.power = heard.power / by.square()

    def forward(self, states: Tensor) -> Tensor:
        """As the linear layer's."""
        return self.linear(states * self.by)  # type: ignore[no-any-return]


def rounded(weights: Tensor, power: Tensor) -> Packed:
    """A matrix in four bits.

    Args:
        weights: Shape (inputs, columns).
        power: Of each input: how much it counts.
    """
    blocks = weights.float().reshape(-1, BLOCK, weights.shape[1])
    counts = power.reshape(-1, BLOCK, 1) / power.mean()
    largest = weights.abs().amax(0).clamp(min=1e-12)
    least = torch.full(largest.shape, torch.inf)
    step, times = largest.clone(), torch.ones(len(blocks), len(largest))
    for shrunk in SHRUNK:
        tried = largest * shrunk / TOP
        multiples, lost = _times(blocks / tried, counts)
        lost = lost * tried.square()
        better = lost < least
        least[better], step[better] = lost[better], tried[better]
        times[:, better] = multiples[:, better]
    whole = _whole(blocks / step / times[:, None], times[:, None]).reshape(weights.shape)
    return Packed(step.numpy(), times.to(torch.uint8).numpy(), whole.to(torch.int8).numpy())


def _times(blocks: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The multiples with which each block loses least, and what a column loses in all."""
    best = torch.ones(len(blocks), blocks.shape[2])
    least = torch.full_like(best, torch.inf)
    for times in range(1, TOP // 7 + 1):
        one = torch.tensor(float(times))
        lost = (counts * (blocks - _whole(blocks / one, one) * one).square()).sum(1)
        better = lost < least
        best[better], least[better] = float(times), lost[better]
    return best, least.sum(0)


def _whole(units: Tensor, times: Tensor) -> Tensor:
    """Whole numbers of four bits, which times their block's multiple stay within `TOP`."""
    least = -torch.clamp(TOP // times, max=8.0)
    return torch.maximum(torch.clamp(units.round(), max=7.0), least)
