"""Why a message is invalid, in our own fixed words: `<field>: <expected>`, never with anything that was received."""

from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from orchestration.messages.base import Expected
from orchestration.messages.shape import field_shape

MAXIMUM_MESSAGE = 200


def first_error(model: type[BaseModel], body: Any) -> str | None:
    """What is wrong with the first invalid field, in the order of the model's fields; None when `body` is valid."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        path = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        return _message(model, path)[:MAXIMUM_MESSAGE]
    return None


def _message(model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    names: list[str] = []
    expected = "object"
    at: Any = model
    for name in path:
        # Below an object without fixed fields a name would be one that was received.
        if not (isinstance(at, type) and issubclass(at, BaseModel) and name in at.model_fields):
            break
        names.append(str(name))
        shape = field_shape(at.model_fields[str(name)])
        at = shape.type
        texts = [item.text for item in shape.metadata if isinstance(item, Expected)]
        expected = texts[0] if texts else _type_text(at)
    return f"{'.'.join(names) or 'value'}: {expected}"


def _type_text(type_: Any) -> str:
    if get_origin(type_) is dict or (isinstance(type_, type) and issubclass(type_, BaseModel)):
        return "object"
    raise TypeError(f"a field of this type needs an Expected: {type_}")
