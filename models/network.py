"""Loads a network for onnxruntime, to run on one core."""

from pathlib import Path
from typing import Any


def session(path: Path) -> Any:  # noqa: ANN401 - an untyped library
    """An onnxruntime session.

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
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options)
    except (
        faults.Fail,
        faults.InvalidArgument,
        faults.InvalidGraph,
        faults.InvalidProtobuf,
    ) as error:
        raise ValueError(f"{path} is no model that can be read.") from error
