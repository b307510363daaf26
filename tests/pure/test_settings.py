"""Settings come from the environment alone, and a bad one is named with what was expected."""

import re
import stat
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.settings import Settings, load_settings
from config.settings_reference import setting_rows
from config.worker_id import stable_worker_id

CONTRACT_DEFAULTS = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "NATS_URL": "nats://localhost:4222",
    "NATS_STREAM": "trading-events",
    "NATS_DURABLE": "orchestrator-consumer",
    "SERVICE_NAME": "at-orchestrator",
    "LOG_LEVEL": "INFO",
    "IDEMPOTENCY_TTL_SEC": "3600",
    "DECISION_TIMEOUT_SEC": "",
    "MIN_AGENTS_REQUIRED": "",
    "ORCHESTRATOR_GUARANTEE": "exactly_once",
    "ORCHESTRATOR_PARTITIONS": "8",
    "ORCHESTRATOR_REPLICATION_FACTOR": "1",
    "ORCHESTRATOR_CREATE_TOPICS": "true",
    "ORCHESTRATOR_START": "",
    "ORCHESTRATOR_WEB_HOST": "127.0.0.1",
    "ORCHESTRATOR_WEB_PORT": "6066",
    "ORCHESTRATOR_WEB_TOKEN": "",
}


def refused(**environment: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    return caught.value


@pytest.mark.parametrize(("variable", "default"), CONTRACT_DEFAULTS.items())
def test_a_variable_of_the_contracts_has_its_default(variable: str, default: str) -> None:
    assert {row.variable: row.default for row in setting_rows()}[variable] == default


def test_an_empty_environment_is_enough() -> None:
    settings = load_settings({"HOME": "/home/trader"})
    assert settings.workflows.name == "workflows.yaml"
    assert settings.workflows.is_file()
    assert settings.data_dir == Path("/home/trader/.local/share/var/orchestrator")


def test_the_data_folder_follows_the_xdg_data_home_unless_that_is_relative() -> None:
    assert load_settings({"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/var/orchestrator")
    relative = load_settings({"XDG_DATA_HOME": "data", "HOME": "/h"})
    assert relative.data_dir == Path("/h/.local/share/var/orchestrator")


def test_the_environment_of_the_shell_is_read_only_when_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_NAME", "from-shell")
    assert load_settings().service_name == "from-shell"
    assert load_settings({}).service_name == "at-orchestrator"
    assert Settings().service_name == "at-orchestrator"


def test_an_empty_value_counts_as_unset() -> None:
    settings = load_settings({"DECISION_TIMEOUT_SEC": "", "ORCHESTRATOR_PARTITIONS": ""})
    assert settings.decision_timeout_sec is None
    assert settings.partitions == 8


def test_every_example_of_the_reference_is_accepted(tmp_path: Path) -> None:
    examples = {row.variable: row.example for row in setting_rows() if not row.secret}
    secrets = {row.variable: "s3cret" for row in setting_rows() if row.secret}
    settings = load_settings(examples | secrets)
    assert settings.kafka_bootstrap_servers == "kafka-1:9092,kafka-2:9092"
    assert settings.create_topics is False


def test_every_setting_says_what_it_is_and_what_it_expects() -> None:
    rows = setting_rows()
    assert len({row.variable for row in rows}) == len(rows) == len(Settings.model_fields)
    for row in rows:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", row.variable)
        assert row.description.endswith(".")
        assert row.expected
        assert row.example


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ORCHESTRATOR_PARTITIONS", "0", "a whole number from 1 to 1024"),
        ("ORCHESTRATOR_PARTITIONS", "eight", "a whole number from 1 to 1024"),
        ("ORCHESTRATOR_COMMIT_INTERVAL_MS", "1001", "a whole number from 0 to 1000"),
        ("DECISION_TIMEOUT_SEC", "0", "a number above 0, at most 86400"),
        ("DECISION_TIMEOUT_SEC", "nan", "a number above 0, at most 86400"),
        ("ORCHESTRATOR_GUARANTEE", "at_most_once", "one of exactly_once, at_least_once"),
        ("ORCHESTRATOR_START", "now", "one of earliest, latest"),
        ("ORCHESTRATOR_CREATE_TOPICS", "perhaps", "true or false"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port, several separated by commas without spaces"),
        # Kubernetes sets this by itself where a service is called orchestrator-web.
        ("ORCHESTRATOR_WEB_PORT", "tcp://10.0.0.1:80", "a whole number from 1 to 65535"),
        ("ORCHESTRATOR_WORKER_ID", "a b", "1 to 64 of A-Z a-z 0-9 _ . -"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(variable: str, value: str, expected: str) -> None:
    assert str(refused(**{variable: value})) == f"{variable}: got {value!r}, expected {expected}"


def test_all_wrong_values_are_named_at_once() -> None:
    error = refused(LOG_LEVEL="loud", ORCHESTRATOR_WEB_PORT="0", ORCHESTRATOR_WEB_TOKEN_FILE="/nowhere")
    assert {problem.name for problem in error.problems} == {
        "LOG_LEVEL",
        "ORCHESTRATOR_WEB_PORT",
        "ORCHESTRATOR_WEB_TOKEN_FILE",
    }


def test_the_log_level_may_be_written_small() -> None:
    assert load_settings({"LOG_LEVEL": "debug"}).log_level == "DEBUG"


def test_a_tilde_is_the_home_folder() -> None:
    settings = load_settings({"ORCHESTRATOR_DATA_DIR": "~/state"})
    assert settings.data_dir == Path.home() / "state"


SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u"}


def test_a_password_is_in_no_text_of_the_settings() -> None:
    settings = load_settings(
        {**SASL, "KAFKA_SASL_PASSWORD": "hunter2", "NATS_URL": "nats://u:hunter2@n:4222"}
    )
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings) + str(settings)


def test_a_password_in_a_refused_address_is_masked() -> None:
    text = str(refused(NATS_URL="http://u:hunter2/@x@nats:4222"))
    assert "hunter2" not in text
    assert "***@nats:4222" in text


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" hunter2 \n")
    settings = load_settings({**SASL, "KAFKA_SASL_PASSWORD_FILE": str(file)})
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.get_secret_value() == " hunter2 "


def test_a_secret_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    error = refused(**SASL, KAFKA_SASL_PASSWORD="hunter2", KAFKA_SASL_PASSWORD_FILE="/f")
    assert (
        str(error)
        == "KAFKA_SASL_PASSWORD_FILE: got '/f', expected nothing, since KAFKA_SASL_PASSWORD is given too"
    )


def test_a_secret_file_that_cannot_be_read_is_the_only_complaint_about_the_secret() -> None:
    error = refused(**SASL, KAFKA_SASL_PASSWORD_FILE="/nowhere")
    assert [problem.name for problem in error.problems] == ["KAFKA_SASL_PASSWORD_FILE"]


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"],
        ),
        ({"KAFKA_SASL_PASSWORD": "x"}, ["KAFKA_SECURITY_PROTOCOL"]),
        ({"KAFKA_SSL_CAFILE": "/ca.pem"}, ["KAFKA_SECURITY_PROTOCOL"]),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTFILE": "/c.pem"}, ["KAFKA_SSL_KEYFILE"]),
        ({"NATS_USER": "u"}, ["NATS_PASSWORD"]),
        ({"NATS_KEY": "/k"}, ["NATS_CERT"]),
    ],
)
def test_security_settings_that_do_not_fit_together_are_refused(
    environment: dict[str, str], names: list[str]
) -> None:
    assert [problem.name for problem in refused(**environment).problems] == names


def test_the_worker_id_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first = stable_worker_id(folder)
    assert re.fullmatch(r"[0-9a-f-]{36}", first)
    assert stable_worker_id(folder) == first
    assert [path.name for path in folder.iterdir()] == ["worker_id"]


def test_two_data_folders_have_two_worker_ids(tmp_path: Path) -> None:
    assert stable_worker_id(tmp_path / "a") != stable_worker_id(tmp_path / "b")


def test_a_worker_id_file_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "worker_id").write_text("")
    with pytest.raises(ConfigurationError, match="ORCHESTRATOR_DATA_DIR"):
        stable_worker_id(tmp_path)


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="ORCHESTRATOR_DATA_DIR"):
        stable_worker_id(tmp_path / "file")


def test_nobody_else_may_write_the_worker_id(tmp_path: Path) -> None:
    stable_worker_id(tmp_path)
    assert stat.S_IMODE((tmp_path / "worker_id").stat().st_mode) & 0o022 == 0
