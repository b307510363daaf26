"""Every way of proving who we are, against a real server that demands it: the right one, and one that is refused."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.settings import Settings, load_settings
from streams.mirror.connection import NatsRefused, NatsUnavailable, connect, connection_options
from streams.mirror.jetstream import ensure_stream
from streams.stack.nats_server import NatsServer
from streams.stack.ports import free_ports
from tests.real.nats_security import Authority, accounts, new_pair, private

SECRET = "a-secret-that-nobody-may-read"


@dataclass(frozen=True)
class Case:
    """A server's settings, the variables that open it, those that it refuses, and what is said then."""

    server: Mapping[str, Any]
    right: Mapping[str, str]
    wrong: Mapping[str, str]
    said: str
    scheme: str = "nats"
    secrets: tuple[str, ...] = field(default=(SECRET,))


def password(_: Path) -> Case:
    return Case(
        {"authorization": {"user": "mirror", "password": SECRET}},
        {"NATS_USER": "mirror", "NATS_PASSWORD": SECRET},
        {"NATS_USER": "mirror", "NATS_PASSWORD": SECRET + "-wrong"},
        "refuses the user and password of NATS_USER and NATS_PASSWORD",
    )


def nobody(_: Path) -> Case:
    return Case(
        {"authorization": {"user": "mirror", "password": SECRET}},
        {"NATS_USER": "mirror", "NATS_PASSWORD": SECRET},
        {},
        "refuses a client without any identity: NATS_USER and NATS_PASSWORD, NATS_TOKEN",
    )


def server_token(_: Path) -> Case:
    return Case(
        {"authorization": {"token": SECRET}},
        {"NATS_TOKEN": SECRET},
        {"NATS_TOKEN": SECRET + "-wrong"},
        "refuses the token of NATS_TOKEN",
    )


def seed(folder: Path) -> Case:
    _, known, public = new_pair("user")
    _, other, _ = new_pair("user")
    return Case(
        {"authorization": {"users": [{"nkey": public}]}},
        {"NATS_NKEY": str(private(folder / "known.nk", known))},
        {"NATS_NKEY": str(private(folder / "other.nk", other + "\n"))},
        "refuses the seed of NATS_NKEY",
        secrets=(known, other),
    )


def creds(folder: Path) -> Case:
    made = accounts(folder)
    return Case(
        made.settings,
        {"NATS_CREDS": str(made.creds)},
        {"NATS_CREDS": str(made.stranger)},
        "refuses the credentials of NATS_CREDS",
        secrets=tuple(line for line in made.stranger.read_text().splitlines() if line and "---" not in line),
    )


def client_certificate(folder: Path) -> Case:
    return _certificates(folder, "TLS failed", handshake_first=False)


def handshake_first(folder: Path) -> Case:
    return _certificates(folder, "TLS failed", handshake_first=True)


def _certificates(folder: Path, said: str, *, handshake_first: bool) -> Case:
    trusted, other = Authority(folder, "trusted"), Authority(folder, "other")
    server, server_key = trusted.issue("server")
    ours, our_key = trusted.issue("mirror")
    theirs, their_key = other.issue("mirror")
    tls = {
        "cert_file": str(server),
        "key_file": str(server_key),
        "ca_file": str(trusted.path),
        "verify": True,
    }
    first = {"NATS_TLS_HANDSHAKE_FIRST": "true"} if handshake_first else {}
    return Case(
        {"tls": tls | ({"handshake_first": True} if handshake_first else {})},
        {"NATS_CA": str(trusted.path), "NATS_CERT": str(ours), "NATS_KEY": str(our_key), **first},
        {"NATS_CA": str(trusted.path), "NATS_CERT": str(theirs), "NATS_KEY": str(their_key), **first},
        said,
        scheme="tls",
    )


def unknown_server(folder: Path) -> Case:
    trusted, other = Authority(folder, "trusted"), Authority(folder, "other")
    server, server_key = trusted.issue("server")
    return Case(
        {"tls": {"cert_file": str(server), "key_file": str(server_key)}},
        {"NATS_CA": str(trusted.path)},
        {"NATS_CA": str(other.path)},
        "TLS failed: the server's certificate is not accepted",
        scheme="tls",
    )


WAYS = (password, nobody, server_token, seed, creds, client_certificate, handshake_first, unknown_server)


def settings_for(server: NatsServer, variables: Mapping[str, str], scheme: str = "nats") -> Settings:
    return load_settings({"NATS_URL": f"{scheme}://127.0.0.1:{server.port}", **variables})


async def can_work(settings: Settings) -> None:
    client = await connect(settings, "test", asyncio.Event())
    await ensure_stream(client.jetstream(), "trading-events", ["signals.normalized"], syncs_always=True)
    await client.close()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_server_lets_in_whom_it_knows_and_refuses_others_with_a_clear_word(
    way: Callable[[Path], Case], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = way(tmp_path)
    with NatsServer(settings=case.server) as server:
        await can_work(settings_for(server, case.right, case.scheme))
        with pytest.raises(NatsRefused) as refused:
            await can_work(settings_for(server, case.wrong, case.scheme))
    assert str(refused.value).startswith(f"127.0.0.1:{server.port}")
    assert case.said in str(refused.value)
    told = caplog.text + str(refused.value) + repr(refused.value.__cause__) + repr(refused.value.__context__)
    assert [secret for secret in case.secrets if secret in told] == []


async def test_a_server_that_is_away_is_unavailable_and_its_password_is_not_told() -> None:
    (port,) = free_ports(1)
    settings = load_settings({"NATS_URL": f"nats://mirror:{SECRET}@127.0.0.1:{port}"})
    with pytest.raises(NatsUnavailable) as away:
        await connect(settings, "test", asyncio.Event())
    assert str(away.value).startswith(f"127.0.0.1:{port}: ")
    assert SECRET not in str(away.value) + repr(settings)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_key_files_that_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    _, known, _ = new_pair("user")
    certificate, key = Authority(tmp_path, "ca").issue("mirror")
    files = {
        "NATS_NKEY": private(tmp_path / "user.nk", known),
        "NATS_CREDS": accounts(tmp_path).creds,
        "NATS_KEY": key,
    }
    for variable, path in files.items():
        path.chmod(mode)
        variables = {variable: str(path)} | (
            {"NATS_CERT": str(certificate)} if variable == "NATS_KEY" else {}
        )
        with pytest.raises(ConfigurationError) as refused:
            connection_options(load_settings(variables))
        assert f"{variable}: " in str(refused.value)
        assert f"mode 0600 or 0400, not {mode:04o}" in str(refused.value)
        path.chmod(0o400)
        connection_options(load_settings(variables))


def test_files_that_hold_something_else_are_refused_without_showing_it(tmp_path: Path) -> None:
    for variable in ("NATS_NKEY", "NATS_CREDS"):
        with pytest.raises(ConfigurationError) as refused:
            connection_options(load_settings({variable: str(private(tmp_path / "junk", SECRET))}))
        assert variable in str(refused.value)
        assert SECRET not in str(refused.value)
    missing = str(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match=r"NATS_NKEY: .*can be read"):
        connection_options(load_settings({"NATS_NKEY": missing}))


def test_two_ways_of_proving_who_we_are_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="NATS_TOKEN: expected nothing, since NATS_PASSWORD is given"
    ):
        connection_options(
            load_settings({"NATS_USER": "mirror", "NATS_PASSWORD": SECRET, "NATS_TOKEN": SECRET})
        )
