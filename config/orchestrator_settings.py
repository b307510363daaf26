"""How the orchestrator itself runs: what it decides by, where it keeps things, how often it does them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, SecretStr

from config.variables import variable

SHIPPED_WORKFLOWS = Path(__file__).with_name("workflows.yaml")


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """`var/orchestrator` under the user's XDG data home.

    Not under the current folder: a worker started from elsewhere would get an empty store and a new worker id, and
    with them a full restore and a second transactional id. Not a cache folder: those are emptied by others.
    """
    home = Path(environment.get("XDG_DATA_HOME", ""))
    # The XDG specification has relative paths ignored, for the same reason.
    base = home if home.is_absolute() else Path(environment.get("HOME") or Path.home()) / ".local" / "share"
    return base / "var" / "orchestrator"


class OrchestratorSettings(BaseModel):
    guarantee: Literal["exactly_once", "at_least_once"] = variable(
        "ORCHESTRATOR_GUARANTEE",
        "exactly_once: outputs, state and offsets in one Kafka transaction. at_least_once: faster, an outcome may be "
        "written again after a crash, with the same decision_id.",
        default="exactly_once",
        example="at_least_once",
    )
    idempotency_ttl_sec: int = variable(
        "IDEMPOTENCY_TTL_SEC",
        "Seconds after an outcome, by record time, for which its corr_id cannot be decided again.",
        default=3600,
        # Inputs are kept for 7 days: a marker that lives longer guards against records that no longer exist.
        ge=1,
        le=604_800,
        example=7200,
    )
    decision_timeout_sec: float | None = variable(
        "DECISION_TIMEOUT_SEC",
        "Overrides `timeout_sec` of every workflow, in seconds.",
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        example=120,
    )
    min_agents_required: int | None = variable(
        "MIN_AGENTS_REQUIRED", "Overrides `min_agents` of every workflow.", ge=1, le=64, example=3
    )
    workflows: Path = variable(
        "ORCHESTRATOR_WORKFLOWS",
        "Workflows file.",
        default=SHIPPED_WORKFLOWS,
        default_text="the shipped config/workflows.yaml",
        example="/etc/orchestrator/workflows.yaml",
    )
    data_dir: Path = variable(
        "ORCHESTRATOR_DATA_DIR",
        "Folder of the local store and the worker id. One per worker; needs to survive restarts for a quick start.",
        default_factory=lambda: default_data_dir(os.environ),
        default_text="$XDG_DATA_HOME/var/orchestrator (~/.local/share where XDG_DATA_HOME is unset)",
        example="/var/lib/orchestrator",
    )
    app_id: str = variable(
        "ORCHESTRATOR_APP_ID",
        "Faust app id, which is also the consumer group and the first part of the changelog's name. "
        "Another id starts with empty state.",
        default="at-orchestrator",
        pattern=r"^[A-Za-z0-9_.-]{1,100}$",
        expected="1 to 100 of A-Z a-z 0-9 _ . -",
        example="at-orchestrator-blue",
    )
    worker_id: str | None = variable(
        "ORCHESTRATOR_WORKER_ID",
        "Name of this worker, the same after each restart and never shared by two.",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        expected="1 to 64 of A-Z a-z 0-9 _ . -",
        default_text="made once and kept in the data folder",
        example="orchestrator-0",
    )
    partitions: int = variable(
        "ORCHESTRATOR_PARTITIONS",
        "Partition count of inputs, tick topic and changelog. Topics with another count are a refusal to start.",
        default=8,
        ge=1,
        le=1024,
        example=16,
    )
    replication_factor: int = variable(
        "ORCHESTRATOR_REPLICATION_FACTOR",
        "Copies of each topic that the orchestrator creates.",
        default=1,
        ge=1,
        le=15,
        example=3,
    )
    create_topics: bool = variable(
        "ORCHESTRATOR_CREATE_TOPICS",
        "Whether missing topics are created at start.",
        default=True,
        example="false",
    )
    start: Literal["earliest", "latest"] | None = variable(
        "ORCHESTRATOR_START",
        "Where a group without committed offsets begins. Needed when the group's offsets vanished while the changelog is "
        "not empty, or the changelog lost its beginning; unset, both are refusals to start.",
        example="earliest",
    )
    commit_interval_ms: int = variable(
        "ORCHESTRATOR_COMMIT_INTERVAL_MS",
        "Longest time from reading a record to starting its transaction, in milliseconds. Lower: quicker decisions, more "
        "transactions.",
        default=25,
        ge=0,
        le=1000,
        example=10,
    )
    tick_interval_ms: int = variable(
        "ORCHESTRATOR_TICK_INTERVAL_MS",
        "Time between two records of our own clock on each partition, in milliseconds. Deadlines of quiet streams wait "
        "for the next one.",
        default=250,
        ge=50,
        # Deadlines are promised within 1 s, and reading on to the end offsets needs its part of it.
        le=750,
        example=500,
    )
    session_timeout_sec: int = variable(
        "ORCHESTRATOR_SESSION_TIMEOUT_SEC",
        "Seconds after which the partitions of a silent worker go to the others. Brokers allow 6 and more unless told "
        "otherwise.",
        default=10,
        ge=1,
        le=300,
        example=6,
    )
    transaction_timeout_sec: int = variable(
        "ORCHESTRATOR_TRANSACTION_TIMEOUT_SEC",
        "Seconds after which the broker aborts the open transaction of a dead worker, which until then hides what others "
        "wrote after it.",
        default=10,
        ge=1,
        le=900,
        example=30,
    )
    web_host: str = variable(
        "ORCHESTRATOR_WEB_HOST",
        "Address that the worker's pages listen on.",
        default="127.0.0.1",
        pattern=r"^[A-Za-z0-9_.:-]{1,255}$",
        expected="a host name or an address",
        example="0.0.0.0",
    )
    web_port: int = variable(
        "ORCHESTRATOR_WEB_PORT", "Port of the worker's pages.", default=6066, ge=1, le=65_535, example=8080
    )
    web_token: SecretStr | None = variable(
        "ORCHESTRATOR_WEB_TOKEN",
        "Token that the pages ask for, and that workers send each other.",
        example="(secret)",
    )
