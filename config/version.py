"""Which orchestrator this is."""

from importlib.metadata import PackageNotFoundError, version


def orchestrator_version() -> str:
    try:
        return version("signal-orchestrator")
    except PackageNotFoundError:
        return "0+unknown"
