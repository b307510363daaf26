"""Quick answers about messages, made from their pydantic models so that constraints stand in one place.

A yes is final: the check is never laxer than its model, for anything that JSON can say. After a no the model
is asked, and names the field. (It takes at least twice as long, and nearly all messages are valid.)
"""

from collections.abc import Callable, Container
from operator import attrgetter
from types import NoneType
from typing import Annotated, Any, Literal, get_origin

import msgspec
from pydantic import AfterValidator, BaseModel

from orchestration.messages.base import Expected
from orchestration.messages.shape import Shape, field_shape

Check = Callable[[Any], Any]
Read = Callable[[bytes], Any]
_Verify = Callable[[Any], object]
_Verifications = tuple[tuple[Callable[[Any], Any], _Verify], ...]
_Asked = list[tuple[str, _Verify]]
"""Paths of fields, and what has to be asked about each that is not null."""

# No "pattern": msgspec's is Python's, where `$` also stands before a last line break; pydantic's does not. A field of
# that kind says what it is by a function (AfterValidator), which both ask.
_CONSTRAINTS = ("ge", "gt", "le", "lt", "min_length", "max_length")

_PLAIN = frozenset((str, bool, NoneType))
_LARGE = 2**63


def fast_check(model: type[BaseModel], checked_before: Container[str] = ()) -> Check:
    """A function that gives the struct of a decoded JSON value that is surely a valid `model`, or None.

    Fields named in `checked_before` are left out: the caller has looked at them already. Raises TypeError for a model
    that says something which this cannot check, so that a new kind of constraint is not passed over in silence.
    """
    struct, asked = _struct_of(model, checked_before, closed=False)
    verifications = _getters(asked)
    convert = msgspec.convert

    def check(body: Any) -> Any:
        try:
            converted = convert(body, struct)
            for get, verify in verifications:
                value = get(converted)
                if value is not None:
                    verify(value)
        except ValueError:  # msgspec.ValidationError is one
            return None
        return converted

    return check


def fast_read(model: type[BaseModel], checked_later: Container[str] = ()) -> Read:
    """A function that gives the struct of bytes that are surely a decodable, valid `model`, or None.

    It makes no dict, and so takes half the time, but only for what a decoder of structs sees whole: no field that the
    model does not name (those it would skip, and with them a number that no float can hold), nothing nested in fields
    of any kind. Fields named in `checked_later` need only be of their type: the caller looks at them.
    """
    struct, asked = _struct_of(model, closed=True, checked_later=checked_later)
    verifications = _getters(asked)
    decode = msgspec.json.Decoder(struct).decode

    def read(value: bytes) -> Any:
        try:
            decoded = decode(value)
            for get, verify in verifications:
                found = get(decoded)
                if found is not None:
                    verify(found)
        except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeDecodeError are ValueErrors
            return None
        return decoded

    return read


def _struct_of(
    model: type[BaseModel],
    leave_out: Container[str] = (),
    *,
    closed: bool,
    checked_later: Container[str] = (),
) -> tuple[type[msgspec.Struct], _Asked]:
    """The struct to convert to, and what has to be asked about its fields."""
    fields: list[tuple[str, Any] | tuple[str, Any, None]] = []
    asked: _Asked = []
    for name, field in model.model_fields.items():
        if name in leave_out:
            continue
        shape = field_shape(field)
        type_, inside = _field(shape, closed)
        if shape.nullable and any(path for path, _ in inside):
            inside = [("", _verify_all(_getters(inside)))]
        if name not in checked_later:
            asked += [(f"{name}.{path}".rstrip("."), verify) for path, verify in inside]
        nullable: Any = type_ | None if shape.nullable else type_
        fields.append((name, nullable) if field.is_required() else (name, nullable, None))
    return (
        msgspec.defstruct(model.__name__, fields, kw_only=True, gc=False, forbid_unknown_fields=closed),
        asked,
    )


def _getters(asked: _Asked) -> _Verifications:
    return tuple((attrgetter(path), verify) for path, verify in asked)


def _verify_all(verifications: _Verifications) -> _Verify:
    def verify(converted: Any) -> None:
        for get, function in verifications:
            value = get(converted)
            if value is not None:
                function(value)

    return verify


def _field(shape: Shape, closed: bool) -> tuple[Any, _Asked]:
    """The field's type for msgspec, and what has to be asked about it (path "") and about fields inside of it."""
    if shape.type is Any:
        return Any, [("", _is_flat)] if closed else []
    if isinstance(shape.type, type) and issubclass(shape.type, BaseModel):
        return _struct_of(shape.type, closed=closed)
    if get_origin(shape.type) is dict:
        # msgspec would copy the object; only whether it is one matters.
        return (Any if shape.nullable else dict), [("", _is_flat_object if closed else _is_object)]
    if shape.type not in (str, float) and get_origin(shape.type) is not Literal:
        raise TypeError(f"no fast check for the type {shape.type}")
    limits: dict[str, Any] = {}
    asked: _Asked = []
    for item in shape.metadata:
        if isinstance(item, AfterValidator):
            asked.append(("", item.func))  # type: ignore[arg-type]
        elif found := {name: getattr(item, name) for name in _CONSTRAINTS if hasattr(item, name)}:
            limits |= found
        elif not isinstance(item, Expected):
            raise TypeError(f"no fast check for the constraint {item!r}")
    return (Annotated[shape.type, msgspec.Meta(**limits)] if limits else shape.type), asked


def _is_object(value: Any) -> None:
    if type(value) is not dict:
        raise ValueError("object")


def _is_flat_object(value: Any) -> None:
    _is_object(value)
    _is_flat(value)


def _is_flat(value: Any) -> None:
    """One value, or an object of such: how deep and how large a value may be is for others to say."""
    for item in value.values() if type(value) is dict else (value,):
        kind = type(item)
        if kind is not float and kind not in _PLAIN and not (kind is int and abs(item) < _LARGE):
            raise ValueError("flat")
