"""The larger network in PyTorch, to be taught: all-mpnet-base-v2, written in four bits a weight.

MPNet (Song et al. 2020, arXiv:2004.09297): twelve layers of 768, attention with a bias for how far
apart two words stand. A sentence is the mean of its word pieces' last states, at length 1.
"""

import copy
import hashlib
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from meaning_bits import Packed, Quieter, listening, rounded
from meaning_network import DROPOUT, HEADS, SCALE, Dropout, Layer, take_constants, write_int8
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from lowtide.models.four_bits import load, pack

WEIGHTS, WORDS = "model.safetensors", "tokenizer.json"
GRAPH, PACKED, HEAD = "mpnet.onnx", "mpnet.npz", "network.head.weight_Transposed_quantized"
PUBLISHED = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""SHA-256 of the weights, as several projects give it for revision e8c3b32e at Hugging Face."""
LAYERS, WIDTH = 12, 768
LONGEST, FIRST_PLACE, PADDING = 64, 2, 1
"""Word pieces that are read; where its places and its padding begin in the published tables."""
FROZEN = 4
"""Layers that are left as they were: low layers know the language already, and it saves a fifth."""
DISTANCES, NEAR, FAR = 32, 8, 128
"""Buckets for how far apart two words stand: single words up to `NEAR`, then wider, up to `FAR`."""
_LAYER_PARTS = {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "joined": "attention.attn.o",
    "joined_norm": "attention.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "out_norm": "output.LayerNorm",
}
_LINEARS = ("query", "key", "value", "joined", "wide", "narrow")
_ITS_OWN = {"[CLS]": "<s>", "[SEP]": "</s>"}
"""Pieces that have other names in its vocabulary, which is BERT's."""


class Mpnet(nn.Module):
    """Encoder and head.

    Args:
        folder: Of its word pieces.
        outputs: How many numbers the head gives.
    """

    def __init__(self, folder: Path, outputs: int) -> None:
        super().__init__()
        self._pieces = Tokenizer.from_file(str(folder / WORDS))
        self._pieces.no_padding()
        self._pieces.enable_truncation(LONGEST)
        self.words = nn.Embedding(self._pieces.get_vocab_size(), WIDTH)
        self.places = nn.Embedding(512 + FIRST_PLACE, WIDTH)
        self.distances = nn.Embedding(DISTANCES, HEADS)
        self.norm = nn.LayerNorm(WIDTH, 1e-5)
        self.dropout = Dropout()
        self.layers = nn.ModuleList(Layer(WIDTH, 1e-5, "none", self.dropout) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        for part in (self.words, self.places, self.distances, self.norm, *self.layers[:FROZEN]):
            part.requires_grad_(requires_grad=False)

    @classmethod
    @torch.no_grad()
    def published(cls, folder: Path, outputs: int) -> Self:
        """The published encoder with a head that knows nothing.

        Raises:
            ValueError: The weights are not the published ones.
        """
        with (folder / WEIGHTS).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != PUBLISHED:
            raise ValueError(f"{folder / WEIGHTS} is not all-mpnet-base-v2: its sum is {found}.")
        network = cls(folder, outputs)
        weights = load_file(folder / WEIGHTS)
        for name, parameter in network._named():
            parameter.copy_(weights[name])
        return network

    @torch.no_grad()
    def go_on(self, folder: Path) -> None:
        """Begin where the network that was written to this folder ended."""
        graph = onnx.load(folder / GRAPH, load_external_data=False).graph
        found = take_constants(self, graph)
        found |= {name: torch.from_numpy(each) for name, each in load(folder / PACKED).items()}
        for number, layer in enumerate(self.layers[FROZEN:], start=FROZEN):
            for part in _LINEARS:
                weights = _unrounded(graph, found, f"layers.{number}.{part}")
                getattr(layer, part).weight.copy_(weights.T)
        self.head.weight.copy_(_unrounded(graph, found, HEAD).T)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """The head's numbers for a batch of texts."""
        numbers, mask = self._batch(texts)
        count = numbers.shape[1]
        bias = self.distances(_buckets(count)).permute(2, 0, 1)[None]
        bias = bias.masked_fill(~mask[:, None, None, :], -1e4)
        states = self.words(numbers) + self.places.weight[FIRST_PLACE : count + FIRST_PLACE]
        states = self.dropout(self.norm(states))
        for layer in self.layers:
            states = layer(states, bias)
        shares = mask[:, :, None].float()
        vectors = F.normalize((states.float() * shares).sum(1) / shares.sum(1), dim=1)
        return self.head(F.dropout(SCALE * vectors, DROPOUT, self.training))  # type: ignore[no-any-return]

    @torch.no_grad()
    def write(self, folder: Path, vocabulary: Sequence[str], heard: Sequence[str]) -> None:
        """Write `mpnet.onnx` and `mpnet.npz` for `lowtide.models.encoder`.

        Args:
            folder: Where to.
            vocabulary: The pieces of `vocab.txt` in their order; these are the ones that are kept.
            heard: Lines by which it is decided how each weight is rounded.
        """
        network = copy.deepcopy(self).eval()
        linears = [getattr(layer, part) for layer in network.layers for part in _LINEARS]
        with listening(linears) as inputs:
            for start in range(0, len(heard), 32):
                network(heard[start : start + 32])
        packed = {}
        for number, layer in enumerate(network.layers):
            for part in _LINEARS:
                quieter = Quieter(getattr(layer, part), inputs[getattr(layer, part)])
                setattr(layer, part, quieter)
                weights = quieter.linear.weight.T
                packed[f"layers.{number}.{part}"] = rounded(weights, quieter.power)
        known = self._pieces.get_vocab()
        numbers = [known[_ITS_OWN.get(piece, piece)] for piece in vocabulary]
        packed["words"] = rounded(network.words.weight[numbers].T, torch.ones(WIDTH))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / GRAPH).write_bytes(_graph(network, packed))
        arrays = {}
        for name, each in packed.items():
            arrays[f"{name}.nibbles"] = pack(each.whole, each.times)
            arrays[f"{name}.times"] = each.times
        np.savez(folder / PACKED, **arrays)

    def _batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor(each.ids) for each in self._pieces.encode_batch(list(texts))]
        numbers = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
        lengths = torch.tensor([len(row) for row in rows])
        return numbers, torch.arange(numbers.shape[1])[None, :] < lengths[:, None]

    def _named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter but the head's, with its published name."""
        yield "embeddings.word_embeddings.weight", self.words.weight
        yield "embeddings.position_embeddings.weight", self.places.weight
        yield "encoder.relative_attention_bias.weight", self.distances.weight
        for kind in ("weight", "bias"):
            yield f"embeddings.LayerNorm.{kind}", getattr(self.norm, kind)
            for number, layer in enumerate(self.layers):
                for ours, theirs in _LAYER_PARTS.items():
                    parameter = getattr(getattr(layer, ours), kind)
                    yield f"encoder.layer.{number}.{theirs}.{kind}", parameter


def _buckets(count: int) -> Tensor:
    """Which bucket a word stands in, seen from another; shape (count, count)."""
    apart = torch.arange(count)[None, :] - torch.arange(count)[:, None]
    half = DISTANCES // 2
    steps = apart.abs().clamp(min=1) / NEAR
    wide = NEAR + (steps.log() / math.log(FAR / NEAR) * (half - NEAR)).long()
    return (apart > 0) * half + torch.where(
        apart.abs() < NEAR, apart.abs(), wide.clamp(max=half - 1)
    )


def _graph(network: Mpnet, packed: Mapping[str, Packed]) -> bytes:
    """The network for onnxruntime, whose large weights are given to it when it is loaded."""
    with tempfile.TemporaryDirectory() as scratch:
        eight = Path(scratch) / "eight.onnx"
        write_int8(_Reader(network, packed["words"]), eight)
        model = onnx.load(eight)
    found = {each.name: each for each in model.graph.initializer}
    *eights, _ = [each.input[1] for each in model.graph.node if each.op_type == "MatMulInteger"]
    layers = [name for name in packed if name != "words"]
    for name, old in zip(layers, eights, strict=True):
        steps = found[f"{old.removesuffix('_quantized')}_scale"]
        steps.CopyFrom(onnx.numpy_helper.from_array(packed[name].step, steps.name))
        for node in model.graph.node:
            node.input[:] = [name if each == old else each for each in node.input]
        found[old].name = name
    for name in packed:
        _left_out(next(each for each in model.graph.initializer if each.name == name))
    return bytes(model.SerializeToString())


class _Reader(nn.Module):
    """One utterance's word pieces in, the head's numbers out: what is exported.

    Args:
        network: That reads.
        words: Its pieces' vectors, a column a piece.
    """

    def __init__(self, network: Mpnet, words: Packed) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("words", torch.from_numpy(words.numbers()))
        self.register_buffer("step", torch.from_numpy(words.step))
        places = network.places.weight[FIRST_PLACE : LONGEST + FIRST_PLACE]
        self.register_buffer("places", places.detach().clone())
        apart = network.distances(_buckets(LONGEST)).permute(2, 0, 1)[None]
        self.register_buffer("apart", apart.detach().contiguous())

    def forward(self, pieces: Tensor) -> Tensor:
        """Numbers of shape (1, outputs) for pieces of shape (1, count)."""
        network, count = self.network, pieces.shape[1]
        # A column a piece, as four_bits has them: so that its rows need not be turned when loaded.
        vectors = (self.words[:, pieces[0]].float() * self.step[pieces[0]]).T[None]
        states = network.norm(vectors + self.places[:count])
        for layer in network.layers:
            states = layer(states, self.apart[:, :, :count, :count])
        return network.head(SCALE * F.normalize(states.mean(1), dim=1))  # type: ignore[no-any-return]


def _unrounded(graph: onnx.GraphProto, found: Mapping[str, Tensor], name: str) -> Tensor:
    """A matrix as it was, nearly: in its steps, and for inputs as loud as they are."""
    makes = {output: node for node in graph.node for output in node.output}
    product = next(node for node in graph.node if name in node.input)
    weights = found[name] * found[product.input[3].replace("_zero_point", "_scale")]
    heard = makes[makes[product.input[0]].input[0]]
    by = [found[each] for each in heard.input if each in found and each.endswith(".by")]
    return weights * by[0][:, None] if by else weights


def _left_out(weights: onnx.TensorProto) -> None:
    """Leave a matrix out of the file; who loads it gives it by its name."""
    for field in ("raw_data", "int32_data"):
        weights.ClearField(field)
    weights.data_location = onnx.TensorProto.EXTERNAL
    where = weights.external_data.add()
    where.key, where.value = "location", PACKED
