"""schema.py - validates a document against one of docs/schema/: the part of
JSON Schema 2020-12 that those files use, and an error for any other word.

SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schema"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "null": type(None)}
KNOWN = {"$schema", "$id", "title", "$ref", "type", "const", "enum", "anyOf",
         "properties", "required", "additionalProperties", "items", "minItems",
         "maxItems", "minimum", "maximum", "pattern"}


def load(name):
    return json.loads((FOLDER / name).read_text())


def is_type(value, name):
    if name in ("integer", "number"):
        kinds = int if name == "integer" else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def object_problems(value, schema, at):
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties", True)
    for key in schema.get("required", []):
        if key not in value:
            yield f"{at}: {key} is missing"
    for key, member in value.items():
        inner = properties.get(key, more)
        if inner is False:
            yield f"{at}: {key} is not in the schema"
        elif inner is not True:
            yield from problems(member, inner, f"{at}.{key}")


def array_problems(value, schema, at):
    if not (schema.get("minItems", 0) <= len(value) <=
            schema.get("maxItems", len(value))):
        yield f"{at}: {len(value)} items"
    for i, member in enumerate(value):
        yield from problems(member, schema.get("items", {}), f"{at}[{i}]")


def number_problems(value, schema, at):
    if not (schema.get("minimum", value) <= value <=
            schema.get("maximum", value)):
        yield f"{at}: {value} is out of range"


def problems(value, schema, at="$"):
    """What of the value the schema does not allow."""
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError(f"{at}: the schema uses {sorted(unknown)}")
    if "$ref" in schema:
        yield from problems(value, load(schema["$ref"]), at)
    if "anyOf" in schema:
        found = [list(problems(value, s, at)) for s in schema["anyOf"]]
        if all(found):
            yield min(found, key=len)[0]
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        yield f"{at}: {value!r} is not of type {types}"
        return
    if isinstance(value, dict):
        yield from object_problems(value, schema, at)
    elif isinstance(value, list):
        yield from array_problems(value, schema, at)
    elif isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            yield f"{at}: {value!r} is not like {schema['pattern']}"
    elif is_type(value, "number"):
        yield from number_problems(value, schema, at)
