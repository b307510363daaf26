"""Who is let in by a NATS server under test: certificates, seeds, accounts, all made here."""

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import nkeys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nkeys import KeyPair, crc16

_PREFIX_SEED = 18 << 3
PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}


def private(path: Path, content: bytes | str) -> Path:
    """A file that only its owner may read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def new_pair(kind: str) -> tuple[KeyPair, str, str]:
    """A key pair of an operator, account or user; its seed and its public key."""
    import os

    prefix = PREFIXES[kind]
    # As nkeys writes a seed: two prefixes in five bits each, the raw seed, a checksum, in base 32.
    raw = bytes([_PREFIX_SEED | (prefix >> 5), (prefix & 31) << 3]) + os.urandom(32)
    checked = raw + crc16(bytearray(raw)).to_bytes(2, "little")
    seed = base64.b32encode(checked).rstrip(b"=")
    pair = nkeys.from_seed(bytearray(seed))
    return pair, seed.decode(), pair.public_key.decode()


def token(issuer: KeyPair, name: str, subject: str, nats: dict[str, Any]) -> str:
    """A NATS JWT, signed by its issuer."""

    def part(content: dict[str, Any]) -> str:
        return (
            base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode())
            .rstrip(b"=")
            .decode()
        )

    claims: dict[str, Any] = {
        "iat": int(time.time()),
        "iss": issuer.public_key.decode(),
        "name": name,
        "sub": subject,
        "nats": {**nats, "version": 2},
    }
    claims["jti"] = base64.b32encode(sha256(json.dumps(claims).encode()).digest()).rstrip(b"=").decode()
    signed = f"{part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(issuer.sign(signed.encode())).rstrip(b"=").decode()
    return f"{signed}.{signature}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """``settings``: the server's; ``creds`` opens it, ``stranger`` is a user of another operator's account."""

    settings: dict[str, Any]
    creds: Path
    stranger: Path


def accounts(folder: Path) -> Accounts:
    operator, _, _ = new_pair("operator")
    limits = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    limits |= {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1}
    operator_token = token(operator, "operator", operator.public_key.decode(), {"type": "operator"})
    _, _, system_public = new_pair("account")
    known, _, known_public = new_pair("account")
    other, _, _ = new_pair("account")
    preload = {
        known_public: token(operator, "trading", known_public, {"type": "account", "limits": limits}),
        system_public: token(
            operator, "system", system_public, {"type": "account", "limits": {"subs": -1, "conn": -1}}
        ),
    }
    settings = {
        "operator": operator_token,
        "system_account": system_public,
        "resolver": "MEMORY",
        "resolver_preload": preload,
    }
    return Accounts(settings, _creds(folder / "user.creds", known), _creds(folder / "stranger.creds", other))


def _creds(path: Path, account: KeyPair) -> Path:
    _, seed, public = new_pair("user")
    user = token(account, "mirror", public, {"type": "user", "subs": -1, "data": -1, "payload": -1})
    return private(
        path,
        f"-----BEGIN NATS USER JWT-----\n{user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n",
    )


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            self._begun(subject, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of a server or client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._begun(subject, key)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
                ),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{self._name}-{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        written = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return path, private(self._folder / f"{self._name}-{name}.key", written)

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
