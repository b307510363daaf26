"""What is checked while a seed runs: the local disk against the changelog."""

from streams.lane.store import NOTE_PREFIX
from tests.simulation.disk import Disk
from tests.simulation.transactions import Producer
from tests.simulation.world import CHANGELOG, World


def check_disk(world: World, partition: int, disk: Disk, when: str) -> None:
    """The disk is never ahead of the changelog: it holds what the log says up to its offset, and nothing else.

    But for what compaction took away before a disk was restored that far, and no farther: the rest of the log brings it.
    """
    if disk.restored_to is None:
        wrong = bool(disk.rows)
    else:
        log = world.log[CHANGELOG, partition]
        held, said = rows_of(disk), committed_rows(world, partition, disk.restored_to)
        wrong = disk.restored_to > log.end
        if held != said:
            overtaken = log.overtaken(disk.restored_to)
            keys = (held.keys() | said.keys()) - overtaken
            wrong = wrong or any(held.get(key) != said.get(key) for key in keys)
    if wrong:
        world.violated(f"the disk of partition {partition} is not what the changelog says, {when}")


def check_recovery(world: World, partition: int, disk: Disk, producer: Producer) -> None:
    """Rows after recovery equal rows before: all that was ever committed, whatever compaction removed."""
    # A newer owner may have written since; this one is about to be told.
    if world.transactions.owns(producer) and rows_of(disk) != committed_rows(world, partition):
        world.violated(f"the rows of partition {partition} after recovery are not those before")


def rows_of(disk: Disk) -> dict[bytes, bytes]:
    return {key: value for key, value in disk.rows.items() if not key.startswith(NOTE_PREFIX)}


def committed_rows(world: World, partition: int, end: int | None = None) -> dict[bytes, bytes]:
    """The changelog's rows before an offset, nothing compacted."""
    rows: dict[bytes, bytes] = {}
    for record in world.log[CHANGELOG, partition].history(end):
        key = record.key or b""
        if key.startswith(NOTE_PREFIX):
            continue
        if record.value is None:
            rows.pop(key, None)
        else:
            rows[key] = record.value
    return rows
