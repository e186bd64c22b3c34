"""The network: six time-delay layers that say, every 30 ms, which phone it is.

Trained in torch on the phones of `speech.py`; kept as plain affine layers, the normalisations
multiplied into them, so that writing the model needs no torch.
"""

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tiny_vosk.phones import OUTPUTS
from tiny_vosk.speech import Utterance
from tiny_vosk.vosk_model import CEPSTRA, LAYERS, LEFT, RIGHT, WIDTH

CHUNK = 150
"""Frames of 10 ms learned at once."""
BATCH = 64
DROPPED = 0.1
"""Share of a layer's outputs left out while learning."""
RATE_PEAK = 3e-3
CHECKED = 200
"""Utterances not learned, to see how it goes."""
NOTHING = -100
"""A frame after the end: no phone to learn."""


class Network(nn.Module):
    """Cepstra every 10 ms in, scores of `OUTPUTS` every 30 ms out."""

    def __init__(self) -> None:
        super().__init__()
        widths = [CEPSTRA, *[WIDTH] * (len(LAYERS) - 1)]
        pairs = zip(widths, LAYERS, strict=True)
        self.input = nn.BatchNorm1d(CEPSTRA, affine=False)
        self.affine = nn.ModuleList(nn.Linear(n * len(at), WIDTH) for n, at in pairs)
        self.norm = nn.ModuleList(nn.BatchNorm1d(WIDTH) for _ in LAYERS)
        self.out = nn.Linear(WIDTH, OUTPUTS)

    def forward(self, cepstra: torch.Tensor) -> torch.Tensor:
        """[utterance, LEFT + frames + RIGHT - 2, CEPSTRA] to [utterance, frames / 3, OUTPUTS]."""
        states = self.input(cepstra.reshape(-1, CEPSTRA)).view(cepstra.shape)
        for number, offsets in enumerate(LAYERS):
            # From the second layer on, only every third frame is worked out.
            at = offsets if number < 2 else tuple(offset // 3 for offset in offsets)
            step = 3 if number == 1 else 1
            length = states.shape[1] - (at[-1] - at[0])
            parts = [states[:, each - at[0] : each - at[0] + length : step] for each in at]
            joined = self.affine[number](torch.cat(parts, 2))
            normed = self.norm[number](joined.view(-1, WIDTH)).view(joined.shape)
            states = torch.dropout(torch.relu(normed), DROPPED, self.training)
        return self.out(states)


def train(spoken: Sequence[Utterance], path: Path, epochs: int) -> None:
    """Learn, say how it goes, and write the layers."""
    torch.manual_seed(0)
    spoken = random.Random(0).sample(spoken, len(spoken))
    checked, learned = spoken[:CHECKED], spoken[CHECKED:]
    chance = np.random.default_rng(0)
    network = Network()
    steps = epochs * (1 + sum(-(-len(each.phones) // CHUNK) for each in learned) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE_PEAK, total_steps=steps, pct_start=0.15
    )
    loss_of = nn.CrossEntropyLoss(ignore_index=NOTHING)
    begun = time.monotonic()
    for epoch in range(epochs):
        network.train()
        losses = []
        for cepstra, targets in _batches(learned, chance):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                scores = network(cepstra)
            loss = loss_of(scores.float().reshape(-1, OUTPUTS), targets.reshape(-1))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        right = _phones_right(network, checked)
        print(
            f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, phones right {100 * right:.1f} %,"
            f" {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    counts = np.ones(OUTPUTS)
    for each in learned:
        counts += np.bincount(_targets(each.phones, each.first), minlength=OUTPUTS)
    np.savez(path, **_layers(network), shares=counts / counts.sum())


def _targets(phones: NDArray[np.int8], first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Every third frame's output: a phone's first such frame, or one of its others."""
    phone = phones[::3].astype(np.int64)
    segment = np.cumsum(first)[::3]
    new = np.concatenate([[True], segment[1:] != segment[:-1]])
    return np.where(new, 2 * phone, 2 * phone + 1)


def _batches(
    spoken: Sequence[Utterance], chance: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    chunks = [chunk for each in spoken for chunk in _chunks(each, int(chance.integers(3)))]
    order = chance.permutation(len(chunks))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        yield _stacked([chunks[number] for number in order[start : start + BATCH]])


def _chunks(
    spoken: Utterance, skipped: int
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.int64]]]:
    """Pieces of equal length with what the layers look at on both sides."""
    cepstra = spoken.features[skipped:]
    targets = _targets(spoken.phones[skipped:], spoken.first[skipped:])
    padded = np.pad(cepstra, ((LEFT, RIGHT + CHUNK), (0, 0)), mode="edge")
    for start in range(0, len(cepstra), CHUNK):
        wanted = targets[start // 3 : (start + CHUNK) // 3]
        missing = CHUNK // 3 - len(wanted)
        yield (
            padded[start : start + CHUNK + LEFT + RIGHT - 2],
            np.pad(wanted, (0, missing), constant_values=NOTHING),
        )


def _stacked(
    chunks: Sequence[tuple[NDArray[np.float16], NDArray[np.int64]]],
) -> tuple[torch.Tensor, torch.Tensor]:
    cepstra, targets = zip(*chunks, strict=True)
    return torch.tensor(np.stack(cepstra).astype(np.float32)), torch.tensor(np.stack(targets))


def _phones_right(network: Network, spoken: Sequence[Utterance]) -> float:
    cepstra, targets = _stacked([chunk for each in spoken for chunk in _chunks(each, 0)])
    network.eval()
    with torch.no_grad():
        best = network(cepstra).argmax(2)
    known = targets != NOTHING
    return float((best[known] // 2 == targets[known] // 2).float().mean())


def _layers(network: Network) -> dict[str, NDArray[np.float64]]:
    """Weights and biases in order, what the norms do multiplied into them."""
    arrays: dict[str, NDArray[np.float64]] = {}
    centre, spread = _numbers(network.input.running_mean), _spread(network.input)
    for number, (affine, norm) in enumerate(zip(network.affine, network.norm, strict=True)):
        weight, bias = _numbers(affine.weight), _numbers(affine.bias)
        if number == 0:
            times = len(LAYERS[0])
            weight = weight / np.tile(spread, times)
            bias = bias - weight @ np.tile(centre, times)
        scale = _numbers(norm.weight) / _spread(norm)
        arrays[f"weight{number}"] = weight * scale[:, None]
        arrays[f"bias{number}"] = (bias - _numbers(norm.running_mean)) * scale
        arrays[f"bias{number}"] += _numbers(norm.bias)
    arrays["weight_out"], arrays["bias_out"] = (
        _numbers(network.out.weight),
        _numbers(network.out.bias),
    )
    return arrays


def _numbers(tensor: torch.Tensor) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = tensor.detach().double().numpy()
    return numbers


def _spread(norm: nn.BatchNorm1d) -> NDArray[np.float64]:
    return np.sqrt(_numbers(norm.running_var) + norm.eps)
