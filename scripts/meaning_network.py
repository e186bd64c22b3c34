"""The encoder in PyTorch, to be taught; `lowtide.models.encoder` is the same network to be used."""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from numpy.typing import NDArray
from torch import Tensor, nn

from lowtide.models.encoder import HEAD_SIZE, HEADS, LONGEST, Wordpieces, read_weights

WIDTH = HEADS * HEAD_SIZE
DROPOUT = 0.1
SCALE = 12.0
"""Vectors of length 1 are stretched by this before the head; it learns too slowly otherwise."""
_LAYER_PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "joined": "attention.output.dense",
    "joined_norm": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "out_norm": "output.LayerNorm",
}


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.joined_norm, self.out_norm = (nn.LayerNorm(WIDTH, 1e-12) for _ in range(2))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """The next states of a batch."""
        batch, count, _ = states.shape
        heads = (
            part(states).view(batch, count, HEADS, HEAD_SIZE).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        dropout = DROPOUT if self.training else 0.0
        attended = F.scaled_dot_product_attention(*heads, attn_mask=mask, dropout_p=dropout)
        attended = self.joined(attended.transpose(1, 2).reshape(batch, count, WIDTH))
        states = self.joined_norm(self.dropout(attended) + states)
        wide = F.gelu(self.wide(states), approximate="tanh")
        out: Tensor = self.out_norm(self.dropout(self.narrow(wide)) + states)
        return out


class Network(nn.Module):
    """Encoder and head, beginning from the published encoder.

    Args:
        folder: The unpacked all-MiniLM-L6-v2.
        outputs: How many numbers the head gives.
    """

    def __init__(self, folder: Path, outputs: int) -> None:
        super().__init__()
        self.vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self._pieces = Wordpieces(self.vocabulary)
        self.words = nn.Embedding(len(self.vocabulary), WIDTH)
        # Frozen: what a rare word means must not drift away from what its neighbours mean.
        self.words.weight.requires_grad_(requires_grad=False)
        self.places = nn.Embedding(LONGEST, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.dropout = nn.Dropout(DROPOUT)
        self.layers = nn.ModuleList(Layer() for _ in range(6))
        self.head = nn.Linear(WIDTH, outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        self._begin(read_weights(folder / "model.safetensors"))

    def forward(self, texts: Sequence[str]) -> Tensor:
        """The head's numbers for a batch of texts."""
        return self.head(F.dropout(SCALE * self.embed(texts), DROPOUT, self.training))  # type: ignore[no-any-return]

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Vectors of length 1."""
        numbers, mask = self._batch(texts)
        states = self.words(numbers) + self.places.weight[: numbers.shape[1]]
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, mask[:, None, None, :])
        shares = mask[:, :, None].float()
        return F.normalize((states.float() * shares).sum(1) / shares.sum(1), dim=1)

    def _batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor(self._pieces.numbers(text)) for text in texts]
        numbers = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return numbers, torch.arange(numbers.shape[1])[None, :] < lengths[:, None]

    @torch.no_grad()
    def _begin(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        for name, parameter in self._published():
            parameter.copy_(torch.tensor(np.array(weights[name]))[: len(parameter)])
        kinds = torch.tensor(np.array(weights["embeddings.token_type_embeddings.weight"]))
        self.places.weight += kinds[0]

    @torch.no_grad()
    def resume(self, folder: Path) -> None:
        """Go on from a model that `write` wrote; the words' own vectors stay as published."""
        weights = read_weights(folder / "model.safetensors")
        for name, parameter in self._published():
            if "word_embeddings" not in name:
                parameter.copy_(_whole(weights, name))
        self.head.weight.copy_(_whole(weights, "head.weight") / SCALE)
        self.head.bias.copy_(_whole(weights, "head.bias"))

    def _published(self) -> list[tuple[str, nn.Parameter]]:
        """Every parameter but the head's, with its published name."""
        named = [
            ("embeddings.word_embeddings.weight", self.words.weight),
            ("embeddings.position_embeddings.weight", self.places.weight),
            ("embeddings.LayerNorm.weight", self.norm.weight),
            ("embeddings.LayerNorm.bias", self.norm.bias),
        ]
        for number, layer in enumerate(self.layers):
            for ours, theirs in _LAYER_PARTS.items():
                for kind in ("weight", "bias"):
                    parameter = getattr(getattr(layer, ours), kind)
                    named.append((f"encoder.layer.{number}.{theirs}.{kind}", parameter))
        return named

    def write(self, folder: Path, temperature: float, intents: int) -> None:
        """Write `model.safetensors` (int8) and `vocab.txt` for `lowtide.models.encoder`.

        Only pieces made of letters are kept: canonical text holds nothing else.

        Args:
            folder: Where to.
            temperature: By which the intents' numbers are divided.
            intents: How many of the head's first numbers are intents'.
        """
        kept = [n for n, piece in enumerate(self.vocabulary) if _KEPT.fullmatch(piece)]
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, parameter in self._published():
            value = parameter.detach().float().numpy()
            value = value[kept] if "word_embeddings" in name else value
            if value.ndim == 2:
                arrays[name], arrays[f"{name}.scale"] = _quantised(value)
            else:
                arrays[name] = value
        divide = np.ones((self.head.out_features, 1), np.float32)
        divide[:intents] = temperature
        arrays["embeddings.token_type_embeddings.weight"] = np.zeros((1, WIDTH), np.float32)
        arrays["head.weight"] = self.head.weight.detach().numpy() * np.float32(SCALE) / divide
        arrays["head.bias"] = self.head.bias.detach().numpy() / divide[:, 0]
        folder.mkdir(parents=True, exist_ok=True)
        _write_safetensors(folder / "model.safetensors", arrays)
        pieces = "".join(f"{self.vocabulary[number]}\n" for number in kept)
        (folder / "vocab.txt").write_text(pieces, "utf-8")


_KEPT = re.compile(r"\[(UNK|CLS|SEP)\]|(##)?[a-z]+")
_KINDS = {"float32": "F32", "int8": "I8"}


def _whole(weights: Mapping[str, NDArray[np.generic]], name: str) -> Tensor:
    """A weight as it was before it was quantised."""
    weight = weights[name].astype(np.float32)
    scale = weights.get(f"{name}.scale")
    return torch.tensor(weight if scale is None else weight * scale.astype(np.float32)[:, None])


def _quantised(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A weight as int8 with one scale a row."""
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 127
    return np.round(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def _write_safetensors(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    header, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blobs.append(np.ascontiguousarray(array).tobytes())
        end = offset + len(blobs[-1])
        kind = _KINDS[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [offset, end]}
        offset = end
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    path.write_bytes(struct.pack("<Q", len(written)) + written + b"".join(blobs))
