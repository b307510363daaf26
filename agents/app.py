"""The Faust application: ``faust -A agents.app worker`` (or ``orchestrator worker``). Everything is wired here.

It is made from the environment when this module is imported, since that is how Faust finds it.
"""

import sys

from agents.orchestrator.app import OrchestratorApp, create_app
from config.errors import ConfigurationError, WorkflowFileError
from config.settings import load_settings


def _from_environment() -> OrchestratorApp:
    try:
        return create_app(load_settings())
    except (ConfigurationError, WorkflowFileError) as error:
        # Not a stack trace through Faust's loader: what to do stands in the text.
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


app = _from_environment()
