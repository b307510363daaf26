"""What every message has in common: how strictly it is read, and the kinds of field that several messages share."""

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orchestration.ids import CORR_ID_EXPECTED, CORR_ID_PATTERN, usable_corr_id
from orchestration.timestamps import EXPECTED, parse_timestamp

# Texts that are passed on into a decision are bounded: an instrument of a megabyte would make a decision that no
# topic takes, and a decision that cannot be written stops the worker.
MAXIMUM_TEXT = 128

_VERSION_1 = re.compile(
    r"1(?:\.(?:0|[1-9][0-9]*)){2}"
    r"(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


class Input(BaseModel):
    """A message that others write: no type is ever converted, unknown fields are accepted and kept.

    A null in a field that is not required reads as if the field were absent.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class Output(BaseModel):
    """A message that we write: exactly these fields, in this order, all of them there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Expected(NamedTuple):
    """What a field must be, in the fixed words of an error message (never the value that came instead)."""

    text: str


def _is_timestamp(text: str) -> str:
    parse_timestamp(text)
    return text


def _is_corr_id(text: str) -> str:
    if not usable_corr_id(text):
        raise ValueError(CORR_ID_EXPECTED)
    return text


def _is_version_1(text: str) -> str:
    # Nearly every signal says exactly this, and the full pattern costs a microsecond.
    if text != "1.0.0" and _VERSION_1.fullmatch(text) is None:
        raise ValueError("version 1.x.y")
    return text


CorrId = Annotated[
    str,
    AfterValidator(_is_corr_id),
    Field(json_schema_extra={"pattern": f"^{CORR_ID_PATTERN}$"}),
    Expected(CORR_ID_EXPECTED),
]
AgentName = Annotated[
    str, Field(min_length=1, max_length=MAXIMUM_TEXT), Expected("name of the topic's agent")
]
SchemaVersion = Annotated[
    str,
    AfterValidator(_is_version_1),
    Field(json_schema_extra={"pattern": f"^{_VERSION_1.pattern}$"}),
    Expected("version 1.x.y"),
]
Timestamp = Annotated[
    str, AfterValidator(_is_timestamp), Field(json_schema_extra={"format": "date-time"}), Expected(EXPECTED)
]
Text = Annotated[str, Field(max_length=MAXIMUM_TEXT), Expected(f"text of at most {MAXIMUM_TEXT} characters")]
Name = Annotated[
    str, Field(min_length=1, max_length=MAXIMUM_TEXT), Expected(f"text of 1 to {MAXIMUM_TEXT} characters")
]
Fraction = Annotated[float, Field(ge=0, le=1), Expected("number from 0 to 1")]
AboveZero = Annotated[float, Field(gt=0), Expected("number above 0")]
ZeroOrMore = Annotated[float, Field(ge=0), Expected("number of 0 or more")]

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 in lower-case hex.")]
UtcTimestamp = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        json_schema_extra={"format": "date-time"},
    ),
]
