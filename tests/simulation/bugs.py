"""Bugs of the protocol that can be planted: the simulator has to find each of them."""

from enum import Enum


class Bug(Enum):
    """The sentence says what goes wrong."""

    STORE_BEFORE_COMMIT = "the rows are on disk before their transaction is committed"
    UNSTABLE_OFFSETS = "the committed offsets are read while a commit of them is pending"
    FENCE_AFTER_OFFSETS = "the committed offsets are read before the fence"
    NO_FENCE = "each worker has a transactional id of its own, and offsets go without a generation"
    LOST_ANSWER_IS_SUCCESS = "a commit without an answer counts as committed"
    OFFSETS_APART = "the offsets are committed before the transaction that holds the outputs"
    MARKER_DROPPED = "no marker stays behind an outcome"
    ROWS_IN_FLIGHT_NOT_SEEN = "a row that is being committed is looked up on disk"
    CHANGELOG_NOT_READ_TO_ITS_END = "reading begins before the changelog is restored whole"
    DUE_TIMES_FORGOTTEN = "rows are restored, and when they are due is not"
    WORKER_CLOCK = "deadlines follow the worker's clock"
    NO_END_OFFSETS = "a tick fires deadlines whatever has not been read yet"
    UNCOMMITTED_INPUT_IGNORED = "ends are asked for without what an open transaction has written"
    NEW_TOPIC_FROM_ITS_BEGINNING = (
        "an agent's topic is read whole when it is named, although markers have gone"
    )
    NEW_TOPIC_FROM_ITS_END = "an agent's topic is read from its end when it is named, whatever is open"
    NOTE_WITHOUT_OFFSETS = "the first owner's note is committed without the first offsets"
    # At least once only.
    JOURNAL_IGNORED = "a new owner does not look for a journal"
    JOURNAL_AFTER_OUTPUTS = "the journal is written when the outputs are out"
    JOURNAL_NOT_KEPT_ON_DISK = "a journal that was restored before the last crash is not seen again"
    OWNER_NOT_KEPT_ON_DISK = "the disk passes an owner's own note in the changelog without holding it"
    LOWER_EPOCH_WINS = (
        "of two journals with one beginning the lower epoch's counts, though its owner's note is gone"
    )
    ONE_EPOCH_FOR_ALL = "every owner has the epoch of the one before"
    ONE_KEY_FOR_ALL_JOURNALS = "compaction leaves the last journal only, whoever wrote it"
    NO_OWNERSHIP_CHECK = "outputs are sent without asking whether the generation still holds"
    CHECK_BEFORE_JOURNAL = "ownership is checked before the journal is written"
    NEW_WORKFLOWS_FOR_OLD_JOURNAL = "a journal is folded under the workflows of who repeats it"
    NOTES_GO_BEFORE_REPEAT = (
        "earlier notes go before what was repeated is committed, in a transaction of their own"
    )
    STATE_BEFORE_OUTPUTS = "rows and offsets are committed before the outputs are sent"


AT_LEAST_ONCE_ONLY = frozenset(list(Bug)[list(Bug).index(Bug.JOURNAL_IGNORED) :])
EXACTLY_ONCE_ONLY = frozenset({Bug.NO_FENCE, Bug.OFFSETS_APART})

TWO_OWNERS = frozenset(
    {
        Bug.LOWER_EPOCH_WINS,
        Bug.ONE_EPOCH_FOR_ALL,
        Bug.ONE_KEY_FOR_ALL_JOURNALS,
        Bug.NO_OWNERSHIP_CHECK,
        Bug.CHECK_BEFORE_JOURNAL,
    }
)
"""They show where a former owner goes on after the next one has begun, and hardly ever elsewhere."""
