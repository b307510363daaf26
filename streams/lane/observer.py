"""What the lane tells about itself; metrics and logs are made of it elsewhere."""

from typing import Protocol

from orchestration.processor import Effects


class LaneObserver(Protocol):
    """Called on the event loop, but for ``sink_refused``, which comes from a committing thread."""

    def committed(self, partition: int, /, effects: Effects, seconds: float) -> None:
        """A stretch of input is committed: only now its effects count. ``seconds`` the commit took."""
        ...

    def sink_refused(self, topic: str, reason: str, /) -> None:
        """A message was refused by its topic for good."""
        ...

    def restored(self, partition: int, rows: int, seconds: float) -> None:
        """A partition is up."""
        ...

    def lost(self, partition: int, /, error: BaseException) -> None:
        """A partition's memory was dropped; it will be brought up again, here or elsewhere."""
        ...

    def lag(self, lags: dict[tuple[str, int], int]) -> None:
        """Per input topic and partition of this worker, how many records wait."""
        ...
