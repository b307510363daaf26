"""How a setting is declared: its variable, description, range and example in one place, for checks and docs alike."""

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo


def variable(
    name: str,
    description: str,
    *,
    example: object,
    default: Any = None,
    expected: str | None = None,
    default_text: str | None = None,
    **field: Any,
) -> Any:
    """A pydantic field read from the environment variable ``name``.

    ``expected`` is needed where type and bounds do not say it all (patterns); ``default_text`` where the default
    depends on the machine. ``field`` takes pydantic's own bounds (``ge``, ``pattern``, ``default_factory``, …).
    """
    notes = {"expected": expected, "default_text": default_text}
    if "default_factory" not in field:
        field["default"] = default
    return Field(
        validation_alias=name,
        description=description,
        examples=[example],
        json_schema_extra={key: text for key, text in notes.items() if text is not None},
        **field,
    )


def note(info: FieldInfo, key: str) -> str | None:
    """A text that ``variable`` kept: ``expected`` or ``default_text``."""
    extra = info.json_schema_extra
    text = extra.get(key) if isinstance(extra, Mapping) else None
    return text if isinstance(text, str) else None


def expected_of(info: FieldInfo) -> str:
    """What a value must be, in words: made from the type and the bounds, so that it cannot drift from the check."""
    stated = note(info, "expected")
    if stated is not None:
        return stated
    plain = plain_type(info.annotation)
    if get_origin(plain) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(plain))
    if plain is bool:
        return "true or false"
    if plain in (int, float):
        return ("a whole number" if plain is int else "a number") + _bounds(info)
    return "a path" if plain is Path else "text"


def is_secret(info: FieldInfo) -> bool:
    return plain_type(info.annotation) is SecretStr


def plain_type(annotation: Any) -> Any:
    """The type without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(choice for choice in get_args(annotation) if choice is not type(None))
    return annotation


def _bounds(info: FieldInfo) -> str:
    said = {}
    for bound in info.metadata:
        for name in ("ge", "gt", "le", "lt"):
            limit = getattr(bound, name, None)
            if limit is not None:
                said[name] = f"{limit:g}" if isinstance(limit, float) else str(limit)
    if "ge" in said and "le" in said:
        return f" from {said['ge']} to {said['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ",".join(f" {words[name]} {limit}" for name, limit in said.items())
