"""The channel on which partitions with work wait for the Faust agent."""

from typing import Any

import faust
from mode.utils.queues import FlowControlEvent, ThrowableQueue


class WorkChannel(faust.Channel[Any]):
    """A Faust channel whose queue is not cleared at rebalances.

    Faust empties the queues of its channels when a rebalance is over, since it will fetch the records again. Ours hold
    no records, only partitions that have some: a hint thrown away would leave them waiting for ever.
    """

    @property
    def queue(self) -> ThrowableQueue[Any]:
        if self._queue is None:
            self._queue = ThrowableQueue(maxsize=0, flow_control=FlowControlEvent(initially_suspended=False))
        return self._queue

    def offer(self, partition: Any) -> bool:
        """Hand it to whoever iterates; False if nobody does yet."""
        subscribers = list(self._subscribers)
        for subscriber in subscribers:
            subscriber.queue.put_nowait(partition)
        return bool(subscribers)
