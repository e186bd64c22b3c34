"""The networks in PyTorch, to be taught; `lowtide.models.meaning` runs what is written here.

The encoder is all-MiniLM-L6-v2: BERT (Devlin et al. 2019, arXiv:1810.04805) in the size of
MiniLM-L6-H384 (Wang et al. 2020, arXiv:2002.10957). A sentence is the mean of its word pieces' last
states, at length 1.
"""

import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file
from torch import Tensor, nn

from lowtide.models.ngrams import ROWS, rows
from lowtide.models.wordpieces import LONGEST, Wordpieces

HEADS, HEAD_SIZE = 12, 32
WIDTH = HEADS * HEAD_SIZE
DROPOUT, DRAWN = 0.1, 1 << 24
"""Share of the states that is left out, and how long the row of those is that are."""
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


class NgramNetwork(nn.Module):
    """What `lowtide.models.ngrams` runs.

    Args:
        outputs: How many numbers it gives.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.rows = nn.EmbeddingBag(ROWS, outputs, mode="sum")
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.zeros_(self.rows.weight)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """The numbers for a batch of texts."""
        found = [rows(text) for text in texts]
        starts = torch.tensor([0, *(len(each) for each in found[:-1])]).cumsum(0)
        summed = self.rows(torch.tensor([row for each in found for row in each]), starts)
        lengths = torch.tensor([max(1, len(each)) for each in found])
        return summed / lengths[:, None].sqrt() + self.bias  # type: ignore[no-any-return]

    def write(self, folder: Path, temperature: float, intents: int) -> None:
        """Write `ngrams.npz` for `lowtide.models.ngrams`; arguments as `Network.write`."""
        divide = torch.ones(len(self.bias))
        divide[:intents] = temperature
        weight, bias = self.rows.weight.detach() / divide, self.bias.detach() / divide
        scale = weight.abs().amax(0) / 127
        whole = torch.round(weight / scale).to(torch.int8)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / "ngrams.npz", weight=whole.numpy(), scale=scale.numpy(), bias=bias.numpy()
        )


class Dropout(nn.Module):
    """Dropout whose masks are pieces of one long row: to draw each took an eighth of a step."""

    def __init__(self) -> None:
        super().__init__()
        kept = torch.rand(DRAWN) >= DROPOUT
        self.register_buffer("row", (kept / (1 - DROPOUT)).bfloat16(), persistent=False)

    def forward(self, states: Tensor) -> Tensor:
        """The states, some of them 0 and the others louder for it."""
        if not self.training:
            return states
        start = int(torch.randint(DRAWN - states.numel(), ()))
        mask = self.row[start : start + states.numel()].view(states.shape)
        return states * mask.to(states.dtype)


class Layer(nn.Module):
    """One transformer layer.

    Args:
        width: Of its states.
        epsilon: Of its norms.
        approximate: How the published network worked out its GELU.
        dropout: Shared by all layers.
    """

    def __init__(self, width: int, epsilon: float, approximate: str, dropout: Dropout) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.joined = nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.joined_norm, self.out_norm = (nn.LayerNorm(width, epsilon) for _ in range(2))
        self.dropout = dropout
        self.bend = nn.GELU(approximate)

    def forward(self, states: Tensor, bias: Tensor | None) -> Tensor:
        """The next states of a batch; `bias` says where attention goes besides what is alike."""
        batch, count, width = states.shape
        query, key, value = (
            part(states).view(batch, count, HEADS, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        # Written out: on a CPU, torch's own attention takes three times as long to learn.
        near = query @ key.transpose(2, 3) / (width // HEADS) ** 0.5
        if bias is not None:
            near = near + bias
        attended = self.dropout(near.softmax(-1).to(value.dtype)) @ value
        attended = self.joined(attended.transpose(1, 2).reshape(batch, count, width))
        states = self.joined_norm(self.dropout(attended) + states)
        out: Tensor = self.out_norm(
            self.dropout(self.narrow(self.bend(self.wide(states)))) + states
        )
        return out


@torch.no_grad()
def take_constants(network: nn.Module, graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Take the parameters that a graph holds as they are; given back is all that it holds."""
    found = {
        each.name: torch.tensor(onnx.numpy_helper.to_array(each))
        for each in graph.initializer
        if each.data_location != onnx.TensorProto.EXTERNAL
    }
    held = {name.replace(".linear.", "."): each for name, each in found.items()}
    for name, parameter in network.named_parameters():
        if f"network.{name}" in held:
            parameter.copy_(held[f"network.{name}"])
    return found


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
        self.dropout = Dropout()
        self.layers = nn.ModuleList(Layer(WIDTH, 1e-12, "tanh", self.dropout) for _ in range(6))
        self.head = nn.Linear(WIDTH, outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        self._begin(folder / "model.safetensors")

    def forward(self, texts: Sequence[str]) -> Tensor:
        """The head's numbers for a batch of texts."""
        vectors = self.embed(*self._batch(texts))
        return self.head(F.dropout(SCALE * vectors, DROPOUT, self.training))  # type: ignore[no-any-return]

    def embed(self, numbers: Tensor, mask: Tensor) -> Tensor:
        """Vectors of length 1.

        Args:
            numbers: Word pieces, a row an utterance.
            mask: True where there is one.
        """
        states = self.words(numbers) + self.places.weight[: numbers.shape[1]]
        states = self.dropout(self.norm(states))
        bias = torch.zeros(mask.shape).masked_fill(~mask, -math.inf)[:, None, None, :]
        for layer in self.layers:
            states = layer(states, bias)
        shares = mask[:, :, None].float()
        return F.normalize((states.float() * shares).sum(1) / shares.sum(1), dim=1)

    def _batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor(self._pieces.numbers(text)) for text in texts]
        numbers = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return numbers, torch.arange(numbers.shape[1])[None, :] < lengths[:, None]

    @torch.no_grad()
    def _begin(self, path: Path) -> None:
        weights = load_file(path)
        for name, parameter in self._published():
            parameter.copy_(weights[name][: len(parameter)])
        self.places.weight += weights["embeddings.token_type_embeddings.weight"][0]

    @torch.no_grad()
    def go_on(self, path: Path) -> None:
        """Begin where the network that was written to this `minilm.onnx` ended."""
        found = take_constants(self, onnx.load(path).graph)
        whole = [name.removesuffix("_quantized") for name in found if name.endswith("_quantized")]
        for name, linear in zip(whole, self._linears(), strict=True):
            zero, scale = found[f"{name}_zero_point"].float(), found[f"{name}_scale"]
            linear.weight.copy_(((found[f"{name}_quantized"].float() - zero) * scale).T)

    def _linears(self) -> Iterator[nn.Linear]:
        """What is kept as int8, in the order in which it is written."""
        for layer in self.layers:
            for part in ("query", "key", "value", "joined", "wide", "narrow"):
                yield getattr(layer, part)
        yield self.head

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
        """Write `minilm.onnx` (int8) and `vocab.txt` for `lowtide.models.meaning`.

        Only pieces made of letters are kept: canonical text holds nothing else.

        Args:
            folder: Where to.
            temperature: By which the intents' numbers are divided.
            intents: How many of the head's first numbers are intents'.
        """
        kept = [n for n, piece in enumerate(self.vocabulary) if _KEPT.fullmatch(piece)]
        folder.mkdir(parents=True, exist_ok=True)
        write_int8(_Reader(self, kept, temperature, intents), folder / "minilm.onnx")
        pieces = "".join(f"{self.vocabulary[number]}\n" for number in kept)
        (folder / "vocab.txt").write_text(pieces, "utf-8")


_KEPT = re.compile(r"\[(UNK|CLS|SEP)\]|(##)?[a-z]+")


class _Reader(nn.Module):
    """One utterance's word pieces in, the head's numbers out: what is exported.

    The words' vectors are kept as int8 with one scale a word; layers are made int8 afterwards.
    """

    def __init__(
        self, network: Network, kept: Sequence[int], temperature: float, intents: int
    ) -> None:
        super().__init__()
        self.network = network.eval()
        words = network.words.weight.detach()[list(kept)]
        scale = words.abs().amax(1, keepdim=True) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("words", torch.round(words / scale).to(torch.int8))
        divide = torch.ones(network.head.out_features)
        divide[:intents] = temperature
        self.register_buffer("divide", divide)

    def forward(self, pieces: Tensor) -> Tensor:
        """Numbers of shape (1, outputs) for pieces of shape (1, count)."""
        network = self.network
        states = self.words[pieces].float() * self.scale[pieces]
        states = network.norm(states + network.places.weight[: pieces.shape[1]])
        for layer in network.layers:
            states = layer(states, None)
        vector = F.normalize(states.mean(1), dim=1)
        return network.head(SCALE * vector) / self.divide  # type: ignore[no-any-return]


def write_int8(reader: nn.Module, path: Path) -> None:
    """Write a network that reads one utterance's pieces for onnxruntime, its weights as int8."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.onnx"
        torch.onnx.export(
            reader,
            (torch.tensor([[0, 1, 2]]),),
            str(whole),
            input_names=["pieces"],
            output_names=["numbers"],
            dynamic_axes={"pieces": {1: "count"}},
            opset_version=17,
            dynamo=False,
        )
        # Seven bits: eight overflow where a processor has no instructions for it, and then the
        # same words would mean something else on another machine.
        quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
