"""`python -m tests.faults.planted.launch NAME`: the ordinary worker with the bug of that module planted in it."""

import sys
from importlib import import_module


def main() -> None:
    import_module(f"tests.faults.planted.{sys.argv[1]}").plant()
    from agents.cli.main import main as orchestrator

    orchestrator(["worker"])


if __name__ == "__main__":
    main()
