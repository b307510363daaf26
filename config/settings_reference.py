"""Every setting as a row of the reference, made from its field: docs are generated from this and checked for drift."""

from dataclasses import dataclass

from config.settings import Settings, variable_of
from config.variables import expected_of, is_secret, note


@dataclass(frozen=True, slots=True)
class SettingRow:
    """``default`` is a text for people ("" = unset); a secret may also be named by a file, in ``<variable>_FILE``."""

    variable: str
    description: str
    expected: str
    default: str
    example: str
    secret: bool


def setting_rows() -> tuple[SettingRow, ...]:
    """One row per environment variable, by name."""
    rows = []
    for info in Settings.model_fields.values():
        default = "" if info.default is None else str(info.default)
        if isinstance(info.default, bool):
            default = default.lower()
        rows.append(
            SettingRow(
                variable=variable_of(info),
                description=info.description or "",
                expected=expected_of(info),
                default=note(info, "default_text") or default,
                example=str((info.examples or [""])[0]),
                secret=is_secret(info),
            )
        )
    return tuple(sorted(rows, key=lambda row: row.variable))
