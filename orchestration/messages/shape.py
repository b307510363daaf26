"""What a model's field is, taken apart: the type, its constraints, whether null is allowed."""

from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo


class Shape(NamedTuple):
    """`type` without its null and its annotations, which are in `metadata` (pydantic's and our own)."""

    type: Any
    metadata: tuple[Any, ...]
    nullable: bool


def field_shape(field: FieldInfo) -> Shape:
    """Raises TypeError for a union of more than one type and null."""
    annotation: Any = field.annotation
    nullable = False
    if get_origin(annotation) in (Union, UnionType):
        others = [part for part in get_args(annotation) if part is not NoneType]
        if len(others) != 1:
            raise TypeError(f"a field of one type, or null: {annotation}")
        (annotation,) = others
        nullable = True
    metadata = list(field.metadata)
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        for item in inner:
            metadata.extend(item.metadata if isinstance(item, FieldInfo) else [item])
    return Shape(annotation, tuple(metadata), nullable)
