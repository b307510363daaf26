"""All settings of the orchestrator, read once at start from the environment (contracts §7)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from config.errors import ConfigurationError, Problem
from config.kafka_settings import KafkaSettings
from config.nats_settings import NatsSettings
from config.orchestrator_settings import OrchestratorSettings, default_data_dir
from config.variables import expected_of, is_secret, variable

_LONGEST_SECRET = 65_536


class Settings(KafkaSettings, NatsSettings, OrchestratorSettings, BaseSettings):
    """What `load_settings` returns. Frozen; secrets are ``SecretStr`` and never shown."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, case_sensitive=True)

    service_name: str = variable(
        "SERVICE_NAME",
        "Name of this service in logs, health and traces.",
        default="at-orchestrator",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        expected="1 to 64 of A-Z a-z 0-9 _ . -",
        example="at-orchestrator",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = variable(
        "LOG_LEVEL", "The least severe lines that are written.", default="INFO", example="DEBUG"
    )
    log_format: Literal["auto", "json", "console"] = variable(
        "LOG_FORMAT",
        "json: one object a line. console: for people. auto: console on a terminal, else json.",
        default="auto",
        example="json",
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("*", mode="after")
    @classmethod
    def _home_folder(cls, value: object) -> object:
        # Container and systemd files pass `~` on as it is: a folder called "~" would be made.
        return value.expanduser() if isinstance(value, Path) else value

    @override
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Only what is handed in: a test that makes Settings() must not see the environment of its shell.
        return (init_settings,)


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``env`` (default: the process's environment). An empty value counts as unset.

    For each secret ``NAME`` a file may be named instead by ``NAME_FILE``; its last line break is cut off.
    Raises ConfigurationError with every bad variable.
    """
    environment = {name: text for name, text in (os.environ if env is None else env).items() if text != ""}
    problems: list[Problem] = []
    values = {**_from_environment(environment), **_from_secret_files(environment, problems)}
    values.setdefault("ORCHESTRATOR_DATA_DIR", default_data_dir(environment))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _explained(error, environment)
        raise ConfigurationError(problems) from None
    problems += [*settings.kafka_problems(), *settings.nats_problems()]
    # A secret file that cannot be read is named once, not a second time as a secret that is missing.
    unread = {problem.name.removesuffix("_FILE") for problem in problems if problem.name.endswith("_FILE")}
    problems = [problem for problem in problems if problem.name not in unread]
    if problems:
        raise ConfigurationError(problems)
    return settings


def variable_of(info: FieldInfo) -> str:
    """The environment variable of a field of Settings."""
    assert isinstance(info.validation_alias, str)
    return info.validation_alias


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    source = EnvSettingsSource(Settings, case_sensitive=True)
    source.env_vars = environment
    return source()


def _from_secret_files(environment: Mapping[str, str], problems: list[Problem]) -> dict[str, object]:
    values: dict[str, object] = {}
    for secret in (variable_of(info) for info in Settings.model_fields.values() if is_secret(info)):
        path = environment.get(f"{secret}_FILE")
        if path is None:
            continue
        if secret in environment:
            problems.append(Problem(f"{secret}_FILE", f"nothing, since {secret} is given too", path))
            continue
        try:
            with Path(path).expanduser().open(encoding="utf-8") as file:
                text = file.read(_LONGEST_SECRET).removesuffix("\n").removesuffix("\r")
        except (OSError, ValueError, RuntimeError):
            text = ""
        if text:
            values[secret] = SecretStr(text)
        else:
            problems.append(Problem(f"{secret}_FILE", "a readable UTF-8 file that is not empty", path))
    return values


def _explained(error: ValidationError, environment: Mapping[str, str]) -> Iterator[Problem]:
    fields = {variable_of(info): info for info in Settings.model_fields.values()}
    for name in dict.fromkeys(
        str(entry["loc"][0]) for entry in error.errors(include_url=False, include_input=False)
    ):
        info = fields[name]
        yield Problem(name, expected_of(info), None if is_secret(info) else environment.get(name))
