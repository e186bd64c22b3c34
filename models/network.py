"""Loads a network for onnxruntime, to run on one core."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE: Mapping[str, NDArray[np.int8]] = {}


def session(path: Path, weights: Mapping[str, NDArray[np.int8]] = NONE) -> Any:  # noqa: ANN401 - an untyped library
    """An onnxruntime session.

    Args:
        path: The network.
        weights: Those that its file leaves out, by their names.

    Raises:
        ImportError: There is no onnxruntime for this machine.
        OSError: The file is missing or can't be read.
        ValueError: It is no model.
    """
    import onnxruntime  # noqa: PLC0415 - a tenth of a second
    from onnxruntime.capi import onnxruntime_pybind11_state as faults  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    given = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
    options.add_external_initializers(list(weights), given)
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options)
    except (
        faults.Fail,
        faults.InvalidArgument,
        faults.InvalidGraph,
        faults.InvalidProtobuf,
    ) as error:
        raise ValueError(f"{path} is no model that can be read.") from error
