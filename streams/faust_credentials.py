"""Kafka's security settings as Faust's consumer wants them."""

import ssl

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, CredentialsT

from config.kafka_settings import KafkaSettings


def credentials(settings: KafkaSettings) -> CredentialsT | None:
    """None for a plain connection."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    context = _context(settings) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return SSLCredentials(context)
    password = settings.kafka_sasl_password
    made = SASLCredentials(
        username=settings.kafka_sasl_username,
        password=password.get_secret_value() if password is not None else None,
        mechanism=settings.kafka_sasl_mechanism,
        ssl_context=context,
    )
    made.protocol = AuthProtocol(protocol)
    return made


def _context(settings: KafkaSettings) -> ssl.SSLContext:
    cafile = settings.kafka_ssl_cafile
    context = ssl.create_default_context(cafile=str(cafile) if cafile is not None else None)
    if settings.kafka_ssl_certfile is not None:
        password = settings.kafka_ssl_password
        context.load_cert_chain(
            str(settings.kafka_ssl_certfile),
            str(settings.kafka_ssl_keyfile),
            password.get_secret_value() if password is not None else None,
        )
    return context
