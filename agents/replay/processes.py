"""A replay shared by several processes: each reads everything and folds its own partitions; the parts are put together.

Nothing of the result tells how many there were: decisions are placed by where in the run they were made, and the digest does
not hang on an order.
"""

import heapq
import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from agents.replay.counts import Counts
from agents.replay.progress import Show
from agents.replay.runner import STEP_RECORDS, NoSink, Runner, Share, Sink
from agents.replay.sinks import PLACE_LENGTH, DecisionLines, PlacedLines
from agents.replay.stop import Stop
from agents.replay.task import Task
from streams.recordings.read import Bad, RecordingError

_NEVER = 2**62
_ASK_SECONDS = 0.2


class ProcessDied(Exception):
    """A process of the replay ended without a result, as the out-of-memory killer ends it."""


@dataclass(slots=True)
class Result:
    """``complete``: everything was read."""

    counts: Counts = field(default_factory=Counts)
    complete: bool = True
    repeated: int = 0


@dataclass(slots=True)
class _Shared:
    """How far each process is, in records, and where all of them stop."""

    reached: "list[Synchronized[int]]"
    stop_at: "Synchronized[int]"


def run_shared(
    task: Task,
    processes: int,
    output: DecisionLines | None,
    on_bad: Callable[[Bad], None],
    stop: Stop,
    show: Show,
) -> Result:
    """Raises RecordingError and ProcessDied; the other processes are ended then."""
    context = multiprocessing.get_context("spawn")
    shared = _Shared([context.Value("q", 0) for _ in range(processes)], context.Value("q", _NEVER))
    with tempfile.TemporaryDirectory(prefix="replay-") as folder, ExitStack() as running:
        parts = [Path(folder) / str(index) if output is not None else None for index in range(processes)]
        pipes: list[Connection] = []
        for index, part in enumerate(parts):
            ours, theirs = context.Pipe(duplex=False)
            arguments = (task, Share(index, processes), part, shared.reached[index], shared.stop_at, theirs)
            process = context.Process(target=_work, args=arguments)
            process.start()
            theirs.close()
            pipes.append(ours)
            running.callback(_end, process)
        result = _gathered(pipes, shared, on_bad, stop, show)
        if output is not None:
            output.write_lines(_merged([part for part in parts if part is not None]))
    return result


def _end(process: Any) -> None:
    if process.is_alive():
        process.kill()
    process.join()


def _gathered(
    pipes: list[Connection], shared: _Shared, on_bad: Callable[[Bad], None], stop: Stop, show: Show
) -> Result:
    result = Result()
    waiting = list(pipes)
    while waiting:
        for pipe in wait(waiting, _ASK_SECONDS):
            assert isinstance(pipe, Connection)
            try:
                said = pipe.recv()
            except EOFError:
                raise ProcessDied(
                    "a process of the replay ended before its time; is there enough memory?"
                ) from None
            match said:
                case Bad():
                    on_bad(said)
                case float():
                    show(said, min(reached.value for reached in shared.reached))
                case Result():
                    result.counts.join(said.counts)
                    result.complete = result.complete and said.complete
                    result.repeated = said.repeated
                    waiting.remove(pipe)
                case _:
                    raise RecordingError(said)
        if stop.asked and shared.stop_at.value == _NEVER:
            # The same record for all of them, and none may have passed it: the parts must fit together.
            with shared.stop_at.get_lock():
                furthest = max(reached.value for reached in shared.reached)
                shared.stop_at.value = (furthest // STEP_RECORDS + 1) * STEP_RECORDS
    return result


def _work(
    task: Task,
    share: Share,
    part: Path | None,
    reached: "Synchronized[int]",
    stop_at: "Synchronized[int]",
    pipe: Connection,
) -> None:
    """In a process of its own."""
    # The parent is told to stop, and tells where: whoever signals it may signal all of its group.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    from agents.orchestrator.garbage import settle

    first = share.number == 0
    try:
        source = task.open(pipe.send if first else lambda _: None)
        sink: Sink = NoSink() if part is None else PlacedLines(part)

        def go_on(records: int) -> bool:
            # Under the lock of the place where all stop: nobody may pass it while it is being chosen.
            with stop_at.get_lock():
                reached.value = records
                going = records < stop_at.value
            if first and not records % (32 * STEP_RECORDS):
                pipe.send(source.done())
            return going

        runner = Runner(
            task.rules(), sink, share=share, memory_bytes=task.memory_bytes // share.of, go_on=go_on
        )
        settle()
        complete = runner.run(source.records())
        counts = runner.finish(drain=task.drain and complete)
        if isinstance(sink, PlacedLines):
            sink.close()
        source.close()
        pipe.send(Result(counts, complete, source.repeated))
    except RecordingError as error:
        pipe.send(str(error))


def _merged(parts: list[Path]) -> Iterator[bytes]:
    with ExitStack() as files:
        opened = [files.enter_context(part.open("rb")) for part in parts]
        for line in heapq.merge(*opened, key=lambda line: line[:PLACE_LENGTH]):
            yield line[PLACE_LENGTH:]
