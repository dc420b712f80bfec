"""Writes GGUF files with nothing but Python: tiny models with random weights, and models that were converted."""
import struct

TYPES = {"u16": 2, "u32": 4, "i32": 5, "f32": 6, "bool": 7, "string": 8}
FORMATS = {"u16": "<H", "u32": "<I", "i32": "<i", "f32": "<f", "bool": "<?"}
ARRAY = 9
F32_TENSOR = 0
ALIGNMENT = 32


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def item(kind, value):
    return text(value) if kind == "string" else struct.pack(FORMATS[kind], value)


def pair(key, kind, value):
    """kind "u32", "string", …, or "[i32]" for an array."""
    if kind.startswith("["):
        kind = kind[1:-1]
        return text(key) + struct.pack("<IIQ", ARRAY, TYPES[kind], len(value)) + b"".join(item(kind, v) for v in value)
    return text(key) + struct.pack("<I", TYPES[kind]) + item(kind, value)


def padding(at):
    return b"\0" * (-at % ALIGNMENT)


def write(path, pairs, tensors):
    """pairs [(key, kind, value)]; tensors [(name, shape with the fastest dimension first, f32 bytes)]."""
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(pairs))]
    out += [pair(*p) for p in pairs]
    at = 0
    for name, shape, data in tensors:
        out.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, F32_TENSOR, at))
        at += len(data) + len(padding(len(data)))
    head = b"".join(out)
    with open(path, "wb") as file:
        file.write(head + padding(len(head)))
        for _, _, data in tensors:
            file.write(data + padding(len(data)))
