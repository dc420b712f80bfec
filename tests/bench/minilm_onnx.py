"""MiniLM as ONNX: fills the weights of a model folder's model.safetensors into our own weightless export.

minilm_onnx.py MODEL_FOLDER OUT.onnx
"""
import json
import pathlib
import sys

import numpy as np
import onnx

SKELETON = pathlib.Path(__file__).resolve().parent.parent / "data" / "minilm-onnx"


def safetensors(path):
    """name -> float32 array, without a library: 8 bytes of length, a JSON head, the data."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    head_bytes = int(raw[:8].view("<u8")[0])
    head = json.loads(bytes(raw[8 : 8 + head_bytes]))
    tensors = {}
    for name, row in head.items():
        if name != "__metadata__" and row["dtype"] == "F32":
            begin, end = row["data_offsets"]
            data = raw[8 + head_bytes + begin : 8 + head_bytes + end]
            tensors[name] = np.frombuffer(data, dtype="<f4").reshape(row["shape"])
    return tensors


def fill(model_folder, out):
    model = onnx.load(str(SKELETON / "minilm.skeleton.onnx"))
    places = json.loads((SKELETON / "minilm.skeleton.json").read_text())
    weights = safetensors(pathlib.Path(model_folder) / "model.safetensors")
    for initializer in model.graph.initializer:
        if initializer.name in places:
            name, transposed = places[initializer.name]
            data = weights[name].T if transposed else weights[name]
            initializer.raw_data = np.ascontiguousarray(data).tobytes()
    onnx.save(model, str(out))


if __name__ == "__main__":
    fill(sys.argv[1], sys.argv[2])
