"""Running the app as a worker process."""

import asyncio
import sys

from mode.worker import Worker

from agents.orchestrator.app import create_app
from config.logging import logging_config
from config.settings import Settings

OK, REFUSED = 0, 1


def run_worker(settings: Settings, *, with_mirror: bool = False) -> int:
    """Blocks until the worker is told to stop; the process's exit status. Raises ConfigurationError."""
    if sys.platform != "win32":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create_app(settings, with_mirror=with_mirror)
    app.claim_data_folder()
    worker = app.Worker(
        loop=loop,
        loglevel=settings.log_level,
        logging_config=logging_config(settings.service_name, settings.log_level, settings.log_format),
        redirect_stdouts=False,
    )
    assert isinstance(worker, Worker)
    try:
        worker.execute_from_commandline()
    except SystemExit as exit:
        if app.refusal is None and not exit.code:
            return OK
    except BaseException:
        if app.refusal is None:
            raise
    return OK if app.refusal is None else REFUSED
