"""Where Kafka is and how to be let in. Security names follow Kafka's own: `security.protocol` → `KAFKA_SECURITY_PROTOCOL`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, SecretStr

from config.errors import Problem
from config.variables import variable

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?):[0-9]{1,5}"


class KafkaSettings(BaseModel):
    kafka_bootstrap_servers: str = variable(
        "KAFKA_BOOTSTRAP_SERVERS",
        "Kafka brokers to ask first, separated by commas.",
        default="localhost:9092",
        pattern=rf"^{_HOST}(,{_HOST})*$",
        expected="host:port, several separated by commas without spaces",
        example="kafka-1:9092,kafka-2:9092",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = variable(
        "KAFKA_SECURITY_PROTOCOL",
        "How the connection is protected and who proves who they are.",
        default="PLAINTEXT",
        example="SASL_SSL",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = variable(
        "KAFKA_SASL_MECHANISM",
        "How the password is proven. Needed with SASL_PLAINTEXT and SASL_SSL.",
        example="SCRAM-SHA-512",
    )
    kafka_sasl_username: str | None = variable(
        "KAFKA_SASL_USERNAME", "User of the broker. Needed with SASL.", example="orchestrator"
    )
    kafka_sasl_password: SecretStr | None = variable(
        "KAFKA_SASL_PASSWORD", "The user's password. Needed with SASL.", example="(secret)"
    )
    kafka_ssl_cafile: Path | None = variable(
        "KAFKA_SSL_CAFILE",
        "PEM file of the authorities that the broker's certificate is checked against; unset: those of the system.",
        example="/etc/kafka/ca.pem",
    )
    kafka_ssl_certfile: Path | None = variable(
        "KAFKA_SSL_CERTFILE",
        "PEM file of our own certificate, for brokers that ask for one.",
        example="/etc/kafka/client.pem",
    )
    kafka_ssl_keyfile: Path | None = variable(
        "KAFKA_SSL_KEYFILE", "PEM file of the key to KAFKA_SSL_CERTFILE.", example="/etc/kafka/client.key"
    )
    kafka_ssl_password: SecretStr | None = variable(
        "KAFKA_SSL_PASSWORD", "Password of KAFKA_SSL_KEYFILE, where the key is encrypted.", example="(secret)"
    )

    def kafka_problems(self) -> Iterator[Problem]:
        """Settings that are right alone and wrong together: a client would only say so in its endless reconnects."""
        protocol = self.kafka_security_protocol
        if protocol.startswith("SASL_"):
            for name, value in (
                ("KAFKA_SASL_MECHANISM", self.kafka_sasl_mechanism),
                ("KAFKA_SASL_USERNAME", self.kafka_sasl_username),
                ("KAFKA_SASL_PASSWORD", self.kafka_sasl_password),
            ):
                if value is None:
                    yield Problem(name, f"a value, since KAFKA_SECURITY_PROTOCOL is {protocol}")
        elif self.kafka_sasl_password is not None or self.kafka_sasl_mechanism is not None:
            # Without this a password is set, nobody proves anything, and the broker's refusal says "disconnected".
            yield Problem(
                "KAFKA_SECURITY_PROTOCOL",
                "SASL_PLAINTEXT or SASL_SSL, since SASL settings are given",
                protocol,
            )
        if (self.kafka_ssl_certfile is None) != (self.kafka_ssl_keyfile is None):
            missing = "KAFKA_SSL_CERTFILE" if self.kafka_ssl_certfile is None else "KAFKA_SSL_KEYFILE"
            yield Problem(missing, "a value: KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE go together")
        if not protocol.endswith("SSL") and (self.kafka_ssl_cafile or self.kafka_ssl_certfile):
            yield Problem(
                "KAFKA_SECURITY_PROTOCOL", "SSL or SASL_SSL, since SSL settings are given", protocol
            )
