"""Where NATS is and how to be let in. Security names are those that the `nats` command line reads."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr

from config.errors import Problem
from config.variables import variable

SHIPPED_MIRROR_RULES = Path(__file__).parent / "nats" / "mirror.yaml"

_NAME = r"^[A-Za-z0-9_-]{1,64}$"
_NAME_EXPECTED = "1 to 64 of A-Z a-z 0-9 _ -"
_SERVER = r"(nats|tls|ws|wss)://[^\s,]+"


class NatsSettings(BaseModel):
    nats_url: str = variable(
        "NATS_URL",
        "NATS servers, separated by commas. Used only when a mirror is asked for.",
        default="nats://localhost:4222",
        pattern=rf"^{_SERVER}(,{_SERVER})*$",
        expected="nats://host:port (or tls, ws, wss), several separated by commas without spaces",
        example="nats://nats-1:4222,nats://nats-2:4222",
        # The address may carry a password: it stays out of every printed form of the settings.
        repr=False,
    )
    nats_stream: str = variable(
        "NATS_STREAM",
        "JetStream stream that holds the mirrored subjects; created where absent.",
        default="trading-events",
        pattern=_NAME,
        expected=_NAME_EXPECTED,
        example="trading-events",
    )
    nats_durable: str = variable(
        "NATS_DURABLE",
        "First part of the names of the durable consumers through which the mirror reads the stream, one for each input subject.",
        default="orchestrator-consumer",
        pattern=_NAME,
        expected=_NAME_EXPECTED,
        example="orchestrator-consumer",
    )
    nats_user: str | None = variable("NATS_USER", "User of the server.", example="orchestrator")
    nats_password: SecretStr | None = variable("NATS_PASSWORD", "The user's password.", example="(secret)")
    nats_token: SecretStr | None = variable(
        "NATS_TOKEN", "Token, for servers that ask for one.", example="(secret)"
    )
    nats_creds: Path | None = variable(
        "NATS_CREDS", "Credentials file (JWT and seed).", example="/etc/nats/user.creds"
    )
    nats_nkey: Path | None = variable("NATS_NKEY", "File with an NKey seed.", example="/etc/nats/user.nk")
    nats_ca: Path | None = variable(
        "NATS_CA",
        "PEM file of the authorities that the server's certificate is checked against.",
        example="/etc/nats/ca.pem",
    )
    nats_cert: Path | None = variable(
        "NATS_CERT", "PEM file of our own certificate.", example="/etc/nats/client.pem"
    )
    nats_key: Path | None = variable(
        "NATS_KEY", "PEM file of the key to NATS_CERT.", example="/etc/nats/client.key"
    )

    nats_tls_handshake_first: bool = variable(
        "NATS_TLS_HANDSHAKE_FIRST",
        "Whether TLS begins before the server has said anything, for servers with `handshake_first`.",
        default=False,
        example="true",
    )
    nats_sync_always: bool = variable(
        "NATS_SYNC_ALWAYS",
        "Whether the server has `sync_interval: always`, which no client can see. It silences the warning about streams with "
        "one replica.",
        default=False,
        example="true",
    )
    mirror_rules: Path = variable(
        "NATS_MIRROR_RULES",
        "Rules file of the mirror: which subjects and topics it carries, and which headers.",
        default=SHIPPED_MIRROR_RULES,
        default_text="the shipped config/nats/mirror.yaml",
        example="/etc/orchestrator/mirror.yaml",
    )

    def nats_problems(self) -> Iterator[Problem]:
        if (self.nats_user is None) != (self.nats_password is None):
            missing = "NATS_USER" if self.nats_user is None else "NATS_PASSWORD"
            yield Problem(missing, "a value: NATS_USER and NATS_PASSWORD go together")
        if (self.nats_cert is None) != (self.nats_key is None):
            missing = "NATS_CERT" if self.nats_cert is None else "NATS_KEY"
            yield Problem(missing, "a value: NATS_CERT and NATS_KEY go together")
