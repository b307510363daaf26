"""Conditions as data: clauses that compare one field with one operand, and their combinations (contracts §6)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

MAXIMUM_CLAUSES = 32
MAXIMUM_DEPTH = 3
MAXIMUM_OPERANDS = 64
MAXIMUM_TEXT = 200

INSTRUMENT = "instrument"

Operator = Literal[
    "eq", "ne", "gt", "ge", "lt", "le", "in", "not_in", "starts_with", "ends_with", "length", "exists"
]

FieldPath = Annotated[
    str,
    Field(
        pattern=r"^(instrument|[a-z][a-z0-9_]{0,63}(\.[A-Za-z0-9_-]+)+)$",
        max_length=MAXIMUM_TEXT,
        description="`instrument` (the source signal's, which also chooses the workflow) or `<agent>.<path>` in that agent's "
        "payload: a path is first looked up in `analysis`, then at the top. `<agent>.source_signal.…` and the other fields "
        "of the envelope are always read at the top.",
    ),
]


class Frozen(BaseModel):
    """Base of everything in a workflows file: immutable, no unknown fields, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _operand(value: object) -> Any:
    """Numbers become floats, so that 300 and 300.0 are the same rule with the same digest."""
    if isinstance(value, list | tuple):
        if not 1 <= len(value) <= MAXIMUM_OPERANDS or any(isinstance(item, list | tuple) for item in value):
            raise ValueError(f"expected 1 to {MAXIMUM_OPERANDS} texts or numbers")
        return tuple(_operand(item) for item in value)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAXIMUM_TEXT:
            raise ValueError(f"expected at most {MAXIMUM_TEXT} characters")
        return value
    if isinstance(value, int | float) and abs(value) < 1e300:
        return float(value)
    raise ValueError("expected text, a finite number, true or false, or a list of texts or numbers")


_SCALARS: list[dict[str, Any]] = [{"type": "string", "maxLength": MAXIMUM_TEXT}, {"type": "number"}]
Operand = Annotated[
    Any,
    PlainValidator(_operand),
    WithJsonSchema(
        {
            "anyOf": [
                *_SCALARS,
                {"type": "boolean"},
                {"type": "array", "items": {"anyOf": _SCALARS}, "minItems": 1, "maxItems": MAXIMUM_OPERANDS},
            ]
        }
    ),
]


def _fits(op: Operator, value: Any) -> str | None:
    """What `op` expects, where `value` is something else."""
    match op:
        case "eq" | "ne":
            return "text, a number, true or false" if isinstance(value, tuple) else None
        case "gt" | "ge" | "lt" | "le":
            return None if isinstance(value, float) else "a number"
        case "in" | "not_in":
            kinds = {type(item) for item in value} if isinstance(value, tuple) else set()
            return None if kinds in ({str}, {float}) else "a list of texts or a list of numbers"
        case "starts_with" | "ends_with":
            # Every text starts with the empty one: such a clause would always hold.
            return None if isinstance(value, str) and value else "text that is not empty"
        case "length":
            return (
                None
                if isinstance(value, float) and value >= 0 and value.is_integer()
                else "a whole number from 0"
            )
        case "exists":
            return None if isinstance(value, bool) else "true or false"


class Clause(Frozen):
    """One comparison. A missing signal or field reads as empty (text), 0 (number) or false: it never fails.

    A field of another kind than the operand (text against a number) does not hold, for `ne` and `not_in` neither.
    """

    field: FieldPath
    op: Operator
    value: Operand

    @model_validator(mode="after")
    def _value_fits(self) -> "Clause":
        expected = _fits(self.op, self.value)
        if expected is not None:
            raise ValueError(f"value: {self.op} needs {expected}")
        return self


class AnyOf(Frozen):
    """Holds when at least one of its clauses holds."""

    any_of: Annotated[tuple["Item", ...], Field(strict=False, min_length=1, max_length=MAXIMUM_CLAUSES)]


class AllOf(Frozen):
    """Holds when all of its clauses hold: for use inside `any_of`."""

    all_of: Annotated[tuple["Item", ...], Field(strict=False, min_length=1, max_length=MAXIMUM_CLAUSES)]


def _kind(item: object) -> str:
    """Which of the three was meant, so that an error names that one's fields and not all three kinds'."""
    for kind in ("any_of", "all_of"):
        if (isinstance(item, dict) and kind in item) or hasattr(item, kind):
            return kind
    return "clause"


Item = Annotated[
    Annotated[Clause, Tag("clause")] | Annotated[AnyOf, Tag("any_of")] | Annotated[AllOf, Tag("all_of")],
    Discriminator(_kind),
]

AnyOf.model_rebuild()
AllOf.model_rebuild()


def children(item: Clause | AnyOf | AllOf) -> tuple[Clause | AnyOf | AllOf, ...]:
    """The items directly inside; none for a clause."""
    match item:
        case AnyOf(any_of=inside) | AllOf(all_of=inside):
            return inside
        case _:
            return ()


def clauses(items: Sequence[Clause | AnyOf | AllOf]) -> Iterator[Clause]:
    """Every clause of a condition, at any depth, in the order in which they stand."""
    for item in items:
        if isinstance(item, Clause):
            yield item
        else:
            yield from clauses(children(item))


def _depth(item: Clause | AnyOf | AllOf) -> int:
    return 1 + max((_depth(child) for child in children(item)), default=0)


def _bounded(items: tuple[Clause | AnyOf | AllOf, ...]) -> tuple[Clause | AnyOf | AllOf, ...]:
    if max(map(_depth, items), default=0) > MAXIMUM_DEPTH:
        raise ValueError(f"conditions are at most {MAXIMUM_DEPTH} levels deep")
    # The lists' own limits multiply with each level: 32 in each of three levels would be 32,768 comparisons a decision.
    if sum(1 for _ in clauses(items)) > MAXIMUM_CLAUSES:
        raise ValueError(f"conditions have at most {MAXIMUM_CLAUSES} clauses in all")
    return items


Condition = Annotated[
    tuple[Item, ...],
    Field(
        strict=False,
        max_length=MAXIMUM_CLAUSES,
        description="All of these must hold; an empty list always holds.",
    ),
    AfterValidator(_bounded),
]
