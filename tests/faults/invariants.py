"""What must hold after every run. Each is one query over the ledger's file, or a function where a query cannot say it.

``:exactly_once`` is 1 with transactions; without them an outcome may stand in the log again, byte for byte.
"""

from tests.faults.deadlines import late_deadlines
from tests.faults.invariant_queries import (
    ACCOUNTED_FOR,
    AUDIT_ONE_TO_ONE,
    DEAD_LETTERS,
    FROM_SOMETHING,
    LEDGER,
    NOTHING_AFTER,
    ONE_OUTCOME,
    SINKS_AGREE,
)
from tests.faults.judge import Invariant

INVARIANTS = (
    Invariant("one outcome", "Every correlation that was opened has exactly one outcome", ONE_OUTCOME),
    Invariant(
        "from something",
        "Nothing is made of a record that is not in the log, and no outcome of no signal",
        FROM_SOMETHING,
    ),
    Invariant(
        "accounted for",
        "Every record of the inputs is in exactly one of contributed, superseded, late, dead letter",
        ACCOUNTED_FOR,
    ),
    Invariant(
        "dead letters",
        "Dead letters are the records that the contracts refuse, with their reason",
        DEAD_LETTERS,
    ),
    Invariant(
        "reference model",
        "Each outcome, its fan-out and its audit record have the bytes that the reference model says",
        lambda judged: judged.differences.content,
    ),
    Invariant(
        "outcome time",
        "The time of each outcome and its completion follow from the whole log",
        lambda judged: judged.differences.time,
    ),
    Invariant("sinks agree", "All sinks have the same decisions, each under its decision_id", SINKS_AGREE),
    Invariant("audit", "Each outcome has one audit record, each audit record one outcome", AUDIT_ONE_TO_ONE),
    Invariant(
        "payload hashes",
        "The payload of each record is the one that the audit record, the late signal or the dead letter tells",
        """
        SELECT d.kind || ' of ' || d.topic || '[' || d.partition || '] ' || d."offset" FROM disposition d
        JOIN input i USING (topic, partition, "offset") WHERE d.sha256 IS NOT NULL AND d.sha256 <> i.sha256
        """,
    ),
    Invariant(
        "agents once",
        "No agent is counted twice in a decision, and none that gave no signal",
        """
        SELECT c.corr_id || ': ' || c.agent FROM contributing c
        GROUP BY c.partition, c."offset", c.agent HAVING count(*) > 1
        UNION ALL
        SELECT c.corr_id || ': ' || c.agent || ' gave nothing' FROM contributing c
        WHERE NOT EXISTS (SELECT 1 FROM disposition d WHERE d.corr_id = c.corr_id AND d.kind = 'contributed'
            AND d.reason = c.agent)
        """,
    ),
    Invariant(
        "not early",
        "No outcome is written before its time has passed",
        """
        SELECT corr_id || ': ' || (orchestrated_at - timestamp) || ' ms early' FROM outcome
        WHERE timestamp < orchestrated_at OR (completed_by = 'deadline' AND timestamp = orchestrated_at)
        """,
    ),
    Invariant("not late", "No deadline fires later than 1 s plus downtime", late_deadlines),
    Invariant(
        "read before the deadline",
        "A deadline leaves nothing unread that came in time",
        """
        SELECT o.corr_id || ': ' || d.topic || '[' || d.partition || '] ' || d."offset" FROM outcome o
        JOIN disposition d ON d.corr_id = o.corr_id AND d.kind = 'late'
        JOIN input i ON i.topic = d.topic AND i.partition = d.partition AND i."offset" = d."offset"
        WHERE o.completed_by = 'deadline' AND i.timestamp <= o.orchestrated_at
        """,
    ),
    Invariant(
        "nothing after",
        "After the outcome there are late signals and dead letters alone, each with the reason of its time",
        NOTHING_AFTER,
    ),
    Invariant(
        "no open row",
        "No correlation is open at the end",
        "SELECT corr_id FROM state WHERE status = 'collecting'",
    ),
    Invariant(
        "markers",
        "The last row of each decided correlation is the marker of its outcome",
        """
        SELECT o.corr_id || ': ' || coalesce(s.status || ' ' || s.decision_id, 'no row') FROM outcome o
        LEFT JOIN state s ON s.corr_id = o.corr_id AND s.partition = o.partition AND s.status = 'orchestrated'
            AND s.decision_id = o.decision_id
        WHERE s.corr_id IS NULL
        """,
    ),
    Invariant(
        "lag",
        "The group has read every record, soon after the last fault",
        """
        SELECT e.topic || '[' || e.partition || ']: ' || count(*) || ' records not committed' FROM log_end e
        JOIN input i ON i.topic = e.topic AND i.partition = e.partition
        WHERE i."offset" >= max(0, coalesce(e.committed, 0)) GROUP BY e.topic, e.partition
        UNION ALL
        SELECT 'lag 0 after ' || value || ' ms' FROM run WHERE name = 'lag_zero_ms' AND CAST(value AS INTEGER) > :lag_limit_ms
        """,
    ),
    Invariant(
        "no hanging transaction",
        "No transaction is open at the end",
        "SELECT topic || '[' || partition || '] from ' || stable FROM log_end WHERE stable < high",
    ),
    Invariant(
        "memory",
        "Memory returns to where it was before the faults",
        """
        SELECT process || ': ' || (max(CASE phase WHEN 'before' THEN bytes END) / 1000000) || ' MB before, '
            || (min(CASE phase WHEN 'after' THEN bytes END) / 1000000) || ' MB after' FROM memory GROUP BY process
        HAVING min(CASE phase WHEN 'after' THEN bytes END)
            > max(CASE phase WHEN 'before' THEN bytes END) + :memory_limit_bytes
        """,
    ),
    Invariant("ledger", "What was acknowledged is in the log as it was sent, what failed is not", LEDGER),
    Invariant(
        "faults landed",
        "Every fault hit what it was meant to hit",
        "SELECT name || coalesce(': ' || nullif(note, ''), '') FROM fault WHERE NOT landed",
    ),
)
"""In the order in which the report lists them."""
