"""A quick yes or no for decoded messages, made from their pydantic models so that constraints stand in one place.

A yes is final: the check is never laxer than its model, for anything that JSON can say. After a no the model
is asked, and names the field. (It takes at least twice as long, and nearly all messages are valid.)
"""

from collections.abc import Callable, Container
from operator import attrgetter
from typing import Annotated, Any, Literal, get_origin

import msgspec
from pydantic import AfterValidator, BaseModel

from orchestration.messages.base import Expected
from orchestration.messages.shape import Shape, field_shape

Check = Callable[[Any], bool]
_Verify = Callable[[Any], object]
_Verifications = tuple[tuple[Callable[[Any], Any], _Verify], ...]

# No "pattern": msgspec's is Python's, where `$` also stands before a last line break; pydantic's does not. A field of
# that kind says what it is by a function (AfterValidator), which both ask.
_CONSTRAINTS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def fast_check(model: type[BaseModel], checked_before: Container[str] = ()) -> Check:
    """A function that tells whether a decoded JSON value is surely a valid `model`.

    Fields named in `checked_before` are left out: the caller has looked at them already. Raises TypeError for a model
    that says something which this cannot check, so that a new kind of constraint is not passed over in silence.
    """
    struct, verifications = _struct_of(model, checked_before)
    convert = msgspec.convert

    def check(body: Any) -> bool:
        try:
            converted = convert(body, struct)
            for get, verify in verifications:
                value = get(converted)
                if value is not None:
                    verify(value)
        except ValueError:  # msgspec.ValidationError is one
            return False
        return True

    return check


def _struct_of(
    model: type[BaseModel], leave_out: Container[str] = ()
) -> tuple[type[msgspec.Struct], _Verifications]:
    """The struct to convert to, and what has to be asked about its fields that are not null."""
    fields: list[tuple[str, Any] | tuple[str, Any, None]] = []
    verifications: list[tuple[Callable[[Any], Any], _Verify]] = []
    for name, field in model.model_fields.items():
        shape = field_shape(field)
        if name in leave_out or shape.type is Any:
            continue
        type_, functions = _field(shape)
        verifications += [(attrgetter(name), function) for function in functions]
        nullable: Any = type_ | None if shape.nullable else type_
        fields.append((name, nullable) if field.is_required() else (name, nullable, None))
    return msgspec.defstruct(model.__name__, fields, kw_only=True, gc=False), tuple(verifications)


def _verify_all(verifications: _Verifications) -> _Verify:
    def verify(converted: Any) -> None:
        for get, function in verifications:
            value = get(converted)
            if value is not None:
                function(value)

    return verify


def _field(shape: Shape) -> tuple[Any, list[_Verify]]:
    """The field's type for msgspec, and what has to be asked after it."""
    if isinstance(shape.type, type) and issubclass(shape.type, BaseModel):
        struct, verifications = _struct_of(shape.type)
        return struct, [_verify_all(verifications)] if verifications else []
    if get_origin(shape.type) is dict:
        # msgspec would copy the object; only whether it is one matters.
        return (Any, [_is_object]) if shape.nullable else (dict, [])
    if shape.type not in (str, float) and get_origin(shape.type) is not Literal:
        raise TypeError(f"no fast check for the type {shape.type}")
    limits: dict[str, Any] = {}
    functions: list[_Verify] = []
    for item in shape.metadata:
        if isinstance(item, AfterValidator):
            functions.append(item.func)  # type: ignore[arg-type]
        elif found := {name: getattr(item, name) for name in _CONSTRAINTS if hasattr(item, name)}:
            limits |= found
        elif not isinstance(item, Expected):
            raise TypeError(f"no fast check for the constraint {item!r}")
    return (Annotated[shape.type, msgspec.Meta(**limits)] if limits else shape.type), functions


def _is_object(value: Any) -> None:
    if type(value) is not dict:
        raise ValueError("object")
