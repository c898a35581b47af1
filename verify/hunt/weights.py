"""The weights of a subject in one word: what tells a campaign that it goes on with another model."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from verify.anatomy.tensors import tensors
from verify.subject.operations import operation

if TYPE_CHECKING:
    from verify.subject import LoadedAdder


@operation
def weights_digest(loaded: LoadedAdder) -> str:
    """Return the SHA-256, hex, of names, types, shapes and values of all tensors of floats; "" where there are none."""
    digest, found = hashlib.sha256(), tensors(loaded)
    for tensor in found:
        values = tensor.read()
        digest.update(f"{tensor.name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest() if found else ""
