"""One connection to NATS: how we are let in, and what is said where we are not. No secret stands in any text from here."""

import asyncio
import contextlib
import ssl
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats.errors
import nkeys

from config.errors import ConfigurationError, Problem
from config.nats_settings import NatsSettings
from streams.mirror.client import MirrorClient

CONNECT_SECONDS = 5
PING_SECONDS = 3
UNANSWERED_PINGS = 2
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_REFUSALS = (
    "authorization violation",
    "authentication timeout",
    "user authentication expired",
    "authentication expired",
)


class NatsUnavailable(Exception):
    """NATS does not answer, or not as it should: trying again may help."""


class NatsRefused(Exception):
    """The server does not let us in with what it was shown. The text says what that was, without it."""


def connection_options(settings: NatsSettings) -> dict[str, Any]:
    """nats-py's options for the way in that the settings describe.

    Raises ConfigurationError for files that cannot be read, hold something else, or that others may read.
    """
    problems = [*_several_identities(settings), *_loose_files(settings)]
    if not problems:
        problems = [*_bad_seeds(settings)]
    if problems:
        raise ConfigurationError(problems)
    options: dict[str, Any] = {"servers": settings.nats_url.split(",")}
    if settings.nats_password is not None:
        options |= {"user": settings.nats_user, "password": settings.nats_password.get_secret_value()}
    if settings.nats_token is not None:
        options["token"] = settings.nats_token.get_secret_value()
    if settings.nats_creds is not None:
        options["user_credentials"] = str(settings.nats_creds)
    if settings.nats_nkey is not None:
        options["nkeys_seed"] = str(settings.nats_nkey)
    context = _tls(settings)
    if context is not None:
        options["tls"] = context
    if settings.nats_tls_handshake_first:
        options["tls_handshake_first"] = True
    return options


async def connect(settings: NatsSettings, name: str, lost: asyncio.Event) -> MirrorClient:
    """A connection; ``lost`` is set once it is no more. It is never mended: whoever uses it makes a new one.

    A client that mends itself sends what it had kept for the old connection into the new one, after what was sent anew:
    the order of one corr_id's messages would depend on it.
    Raises NatsUnavailable, NatsRefused, ConfigurationError.
    """
    options = connection_options(settings)
    client = MirrorClient()

    async def closed() -> None:
        lost.set()

    async def error(_: Exception) -> None:
        # What goes wrong is told by the call that meets it; nats-py's own line would say it again, with a trace.
        return

    try:
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            await client.connect(
                **options,
                name=name,
                allow_reconnect=False,
                connect_timeout=CONNECT_SECONDS,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=UNANSWERED_PINGS,
                closed_cb=closed,
                error_cb=error,
                # Bounded by what the mirror has in flight; the client's own 2 MiB would flush within each batch.
                pending_size=16 * 1024 * 1024,
            )
    except ssl.SSLError as problem:
        await _discard(client)
        raise NatsRefused(f"{addresses(settings)}: TLS failed: {_tls_text(problem)}") from None
    except (OSError, TimeoutError, nats.errors.Error, ValueError) as problem:
        await _discard(client)
        text = str(problem).lower()
        if isinstance(problem, nats.errors.AuthorizationError) or any(part in text for part in _REFUSALS):
            raise NatsRefused(f"{addresses(settings)} refuses {shown_identity(settings)}") from None
        if isinstance(problem, ConnectionError) and client.wants_tls:
            # A server that does not accept our certificate hangs up behind the handshake, often before it has said why.
            shown = "the certificate of NATS_CERT" if settings.nats_cert else "a client without NATS_CERT"
            raise NatsRefused(f"{addresses(settings)}: TLS failed: the server hangs up on {shown}") from None
        raise NatsUnavailable(f"{addresses(settings)}: {_plain(problem)}") from None
    return client


def addresses(settings: NatsSettings) -> str:
    """Host and port of each server, without what the address may carry of user and password."""
    return ",".join(urlsplit(url).netloc.rpartition("@")[2] for url in settings.nats_url.split(","))


def shown_identity(settings: NatsSettings) -> str:
    """What the server was shown, by the names of the variables."""
    if settings.nats_password is not None:
        return "the user and password of NATS_USER and NATS_PASSWORD"
    for name, value in (
        ("the token of NATS_TOKEN", settings.nats_token),
        ("the credentials of NATS_CREDS", settings.nats_creds),
        ("the seed of NATS_NKEY", settings.nats_nkey),
    ):
        if value is not None:
            return name
    if "@" in settings.nats_url:
        return "what NATS_URL carries"
    if settings.nats_cert is not None:
        return "the certificate of NATS_CERT (no user, token, seed or credentials are set)"
    return "a client without any identity: NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY or NATS_CERT"


def _several_identities(settings: NatsSettings) -> Iterator[Problem]:
    """The client would choose one of them by itself, and a refusal would speak of the other."""
    identities = {
        "NATS_PASSWORD": settings.nats_password,
        "NATS_TOKEN": settings.nats_token,
        "NATS_CREDS": settings.nats_creds,
        "NATS_NKEY": settings.nats_nkey,
    }
    first, *more = [name for name, value in identities.items() if value is not None] or [""]
    for name in more:
        yield Problem(name, f"nothing, since {first} is given: one way of proving who we are")


def _loose_files(settings: NatsSettings) -> Iterator[Problem]:
    for name, path in (
        ("NATS_CREDS", settings.nats_creds),
        ("NATS_NKEY", settings.nats_nkey),
        ("NATS_KEY", settings.nats_key),
    ):
        if path is None:
            continue
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            path.read_bytes()
        except OSError as error:
            yield Problem(name, f"a file that can be read ({error.strerror})", str(path))
            continue
        if mode & _OTHERS:
            yield Problem(
                name, f"a file that only its owner may read (mode 0600 or 0400, not {mode:04o})", str(path)
            )
    for name, path in (("NATS_CA", settings.nats_ca), ("NATS_CERT", settings.nats_cert)):
        if path is not None and not path.is_file():
            yield Problem(name, "a file that can be read", str(path))


def _tls(settings: NatsSettings) -> ssl.SSLContext | None:
    tls = settings.nats_ca or settings.nats_cert or settings.nats_tls_handshake_first
    if not tls and not settings.nats_url.startswith(("tls://", "wss://")):
        # A server that demands TLS is still met by nats-py's own default context.
        return None
    try:
        context = ssl.create_default_context(cafile=_text(settings.nats_ca))
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            [Problem("NATS_CA", "a PEM file of certificates", _text(settings.nats_ca))]
        ) from None
    if settings.nats_cert is not None:
        try:
            context.load_cert_chain(settings.nats_cert, settings.nats_key)
        except (OSError, ssl.SSLError):
            expected = "a PEM certificate that belongs to the key of NATS_KEY"
            raise ConfigurationError([Problem("NATS_CERT", expected, str(settings.nats_cert))]) from None
    return context


def _bad_seeds(settings: NatsSettings) -> Iterator[Problem]:
    """Told now, by the variable's name: the client would speak of a checksum in the middle of a connection."""
    if settings.nats_nkey is not None and not _is_seed(settings.nats_nkey.read_bytes().strip()):
        yield Problem("NATS_NKEY", "a file with a user's NKey seed (SU…)", str(settings.nats_nkey))
    if settings.nats_creds is not None:
        lines = [line.strip() for line in settings.nats_creds.read_bytes().splitlines()]
        seeds = [after for line, after in pairwise(lines) if b"BEGIN USER NKEY SEED" in line]
        tokens = [after for line, after in pairwise(lines) if b"BEGIN NATS USER JWT" in line and after]
        if len(seeds) != 1 or len(tokens) != 1 or not _is_seed(seeds[0]):
            expected = "a credentials file with a user's JWT and NKey seed"
            yield Problem("NATS_CREDS", expected, str(settings.nats_creds))


def _is_seed(text: bytes) -> bool:
    try:
        nkeys.from_seed(bytearray(text)).wipe()
    except (nkeys.NkeysError, ValueError):
        return False
    return text.startswith(b"SU")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _tls_text(problem: ssl.SSLError) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted ({problem.verify_message})"
    return problem.reason or "the handshake was refused"


def _plain(problem: BaseException) -> str:
    if isinstance(problem, TimeoutError):
        return "no answer"
    return str(problem).removeprefix("nats: ") or type(problem).__name__


async def _discard(client: MirrorClient) -> None:
    """Its tasks and socket, where a connection was half made. A handshake that failed is never said goodbye to: not waited for."""
    with contextlib.suppress(OSError, TimeoutError, nats.errors.Error, AttributeError, AssertionError):
        async with asyncio.timeout(1.0):
            await client.close()
