"""One replay from its source to its counts, in this process or shared by several."""

from collections.abc import Callable

from agents.orchestrator.garbage import settle
from agents.replay.processes import Result, run_shared
from agents.replay.progress import Show
from agents.replay.runner import NoSink, Runner, Sink
from agents.replay.sinks import DecisionLines
from agents.replay.stop import Stop
from agents.replay.task import Task
from streams.recordings.read import Bad


def run_replay(
    task: Task, processes: int, sink: Sink | None, on_bad: Callable[[Bad], None], stop: Stop, show: Show
) -> Result:
    """Raises RecordingError. Several ``processes`` write to a file of lines or to nothing."""
    if processes > 1:
        if sink is not None and not isinstance(sink, DecisionLines):
            raise TypeError("several processes write to one file only")
        return run_shared(task, processes, sink, on_bad, stop, show)
    source = task.open(on_bad)

    def go_on(records: int) -> bool:
        show(source.done(), records)
        return not stop.asked

    try:
        runner = Runner(task.rules(), sink or NoSink(), memory_bytes=task.memory_bytes, go_on=go_on)
        settle()
        complete = runner.run(source.records())
        counts = runner.finish(drain=task.drain and complete)
        return Result(counts, complete, source.repeated)
    finally:
        source.close()
