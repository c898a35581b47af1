"""The forms of all evidence as one JSON Schema, for programs that read what `adder-verify` wrote.

``python -m verify.report.schema`` writes ``evidence.schema.json`` beside this file, from the shapes in `evidence`; a
test finds it out of date. Any validator of JSON Schema, draft 2020-12, checks a file against it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from verify.files import write_text
from verify.report.evidence import BOARD, KINDS, MADE, JSONObject
from verify.report.shapes import (
    DECIMALS,
    LARGEST,
    Anything,
    Count,
    Decimals,
    Exactly,
    Maybe,
    Number,
    OneOf,
    Positive,
    Token,
    Whole,
)

FILE = Path(__file__).with_name("evidence.schema.json")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[Any, JSONObject] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    Number: {"type": "number"},
    Positive: {"type": "number", "exclusiveMinimum": 0},
    Count: {"type": "integer", "minimum": 0, "maximum": LARGEST - 1},
    Whole: {"type": "integer", "minimum": 0},
    Token: {"type": "integer", "minimum": 0, "maximum": 3},
    Decimals: {"type": "string", "pattern": f"^{DECIMALS.pattern}$"},
    Anything: {},
}


def schema() -> JSONObject:
    """Return the schema of one piece of evidence, of any kind; its kinds stand in ``$defs`` by their names."""
    made = {"made": MADE}
    kinds = {name: _of_kind(kind.schema, kind.shape | made) for name, kind in KINDS.items()}
    board = _of_kind(BOARD, {"reports": []} | made)
    board["properties"]["reports"] = {"type": "array", "items": {"$ref": "#/$defs/correctness"}}
    found = kinds | {"board": board}
    return {
        "$schema": _DRAFT,
        "title": "Evidence of adder-verify",
        "description": "correctness: one run over one subject, run --json; board: one run over several, or run --board",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in found],
        "$defs": found,
    }


def _of_kind(name: str, shape: JSONObject) -> JSONObject:
    found = json_schema(shape)
    return found | {
        "properties": {"schema": {"const": name}} | found["properties"],
        "required": ["schema", *found["required"]],
    }


def json_schema(shape: Any) -> JSONObject:
    """Return a shape, see `verify.report.shapes`, as JSON Schema.

    >>> json_schema({"cases": Count, "why": Maybe(str)})["required"]
    ['cases']
    """
    if isinstance(shape, Maybe):
        return {"anyOf": [{"type": "null"}, json_schema(shape.shape)]}
    if isinstance(shape, dict):
        required = [name for name, inner in shape.items() if not isinstance(inner, Maybe) and inner is not Anything]
        properties = {name: json_schema(inner) for name, inner in shape.items()}
        return {"type": "object", "properties": properties, "required": required}
    if isinstance(shape, Exactly):
        return {"type": "array", "items": json_schema(shape.shape), "minItems": shape.length, "maxItems": shape.length}
    if isinstance(shape, list):
        return {"type": "array", "items": json_schema(shape[0]) if shape else {}}
    return {"enum": list(shape.texts)} if isinstance(shape, OneOf) else _PLAIN[shape]


def text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    write_text(FILE, text())
