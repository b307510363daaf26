"""The longer queries of ``invariants.py``. Every row that one finds is a violation, in words."""

ONE_OUTCOME = """
WITH opened AS (
    SELECT DISTINCT corr_id FROM input WHERE reading = 'valid' OR (reading = 'invalid' AND agent <> 'normalized')),
decided AS (SELECT corr_id, count(*) AS outcomes, count(DISTINCT sha256) AS contents FROM outcome GROUP BY corr_id)
SELECT opened.corr_id || ': ' || coalesce(outcomes, 0) || ' outcomes, ' || coalesce(contents, 0) || ' contents'
FROM opened LEFT JOIN decided USING (corr_id)
WHERE outcomes IS NULL OR contents > 1 OR (:exactly_once AND outcomes > 1)
UNION ALL
SELECT 'nothing was sent' WHERE NOT EXISTS (SELECT 1 FROM opened)
"""

FROM_SOMETHING = """
SELECT d.kind || ' of ' || coalesce(d.topic, '?') || '[' || coalesce(d.partition, '?') || '] ' || coalesce(d."offset", '?')
FROM disposition d LEFT JOIN input i USING (topic, partition, "offset") WHERE i.topic IS NULL
UNION ALL
SELECT o.corr_id || ': decided without a signal' FROM outcome o
WHERE NOT EXISTS (SELECT 1 FROM input i WHERE i.corr_id = o.corr_id AND i.reading IN ('valid', 'invalid'))
"""

# Superseded coordinates are listed up to 64 for each agent and reason, late signals up to 100 for each corr_id: past
# these, numbers have to do.
ACCOUNTED_FOR = """
WITH placed AS (
    SELECT topic, partition, "offset", count(*) AS places, count(DISTINCT kind) AS kinds FROM disposition
    GROUP BY topic, partition, "offset"),
missing AS (
    SELECT i.corr_id, count(*) AS records FROM input i LEFT JOIN placed p USING (topic, partition, "offset")
    WHERE p.places IS NULL GROUP BY i.corr_id),
unlisted AS (
    SELECT corr_id, sum(unlisted) AS records FROM (SELECT DISTINCT corr_id, decision_id, unlisted FROM audit)
    WHERE unlisted > 0 GROUP BY corr_id),
late AS (
    SELECT corr_id, count(*) AS signals FROM (
        SELECT DISTINCT corr_id, topic, partition, "offset" FROM disposition WHERE kind = 'late') GROUP BY corr_id)
SELECT topic || '[' || partition || '] ' || "offset" || ': in ' || places || ' places' FROM placed
WHERE kinds > 1 OR (:exactly_once AND places > 1)
UNION ALL
SELECT m.corr_id || ': ' || m.records || ' records nowhere, ' || coalesce(u.records, 0) || ' counted only'
FROM missing m LEFT JOIN unlisted u USING (corr_id) LEFT JOIN late l USING (corr_id)
WHERE m.records < coalesce(u.records, 0) OR (m.records > coalesce(u.records, 0) AND coalesce(l.signals, 0) < 100)
UNION ALL
SELECT u.corr_id || ': ' || u.records || ' counted only, none missing' FROM unlisted u
WHERE u.corr_id NOT IN (SELECT corr_id FROM missing)
UNION ALL
SELECT corr_id || ': ' || signals || ' late signals written' FROM late WHERE signals > 100
"""

DEAD_LETTERS = """
SELECT i.topic || '[' || i.partition || '] ' || i."offset" || ': ' || i.reading || ', dead letter '
    || coalesce(d.reason, 'none')
FROM input i LEFT JOIN disposition d ON d.topic = i.topic AND d.partition = i.partition AND d."offset" = i."offset"
    AND d.kind = 'dead_letter'
WHERE CASE i.reading
    WHEN 'valid' THEN d.reason IS NOT NULL AND d.reason <> 'correlation_too_large'
    WHEN 'invalid' THEN d.reason IS NOT 'validation_error'
    ELSE d.reason IS NOT i.reading END
"""

# How many outcomes of a correlation there are is "one outcome" to say; here each sink has as many as the decisions.
SINKS_AGREE = """
WITH sink(topic) AS (VALUES ('risk.monitor.decision'), ('audit.decision'), ('portfolio.decision')),
due AS (
    SELECT o.corr_id, o.decision_id, sink.topic, count(*) AS decisions FROM outcome o, sink
    GROUP BY o.corr_id, o.decision_id, sink.topic
    UNION ALL
    SELECT corr_id, decision_id, execution_topic, count(*) FROM outcome WHERE execution_topic IS NOT NULL
    GROUP BY corr_id, decision_id, execution_topic),
found AS (
    SELECT corr_id, topic, decision_id, count(*) AS messages, count(DISTINCT sha256) AS contents FROM output
    GROUP BY corr_id, topic, decision_id)
SELECT due.corr_id || ': ' || due.topic || ' has ' || coalesce(messages, 0) || ' of ' || decisions
FROM due LEFT JOIN found USING (corr_id, topic, decision_id)
WHERE messages IS NULL OR contents > 1 OR (:exactly_once AND messages <> decisions)
UNION ALL
SELECT found.corr_id || ': ' || found.topic || ' has ' || coalesce(found.decision_id, 'no id') || ', which was not decided'
FROM found LEFT JOIN due USING (corr_id, topic, decision_id)
WHERE due.corr_id IS NULL AND found.topic <> 'orchestrated.decision'
UNION ALL
SELECT corr_id || ': ' || topic || ' under another decision_id' FROM output WHERE decision_id IS NOT header_decision_id
"""

AUDIT_ONE_TO_ONE = """
WITH decided AS (SELECT corr_id, decision_id, sha256, count(*) AS decisions FROM outcome GROUP BY 1, 2, 3),
audited AS (
    SELECT corr_id, decision_id, decision_sha256 AS sha256, count(*) AS records, count(DISTINCT sha256) AS contents
    FROM audit GROUP BY 1, 2, 3)
SELECT decided.corr_id || ': ' || coalesce(records, 0) || ' audit records of ' || decisions || ' outcomes'
FROM decided LEFT JOIN audited USING (corr_id, decision_id, sha256)
WHERE records IS NULL OR contents > 1 OR (:exactly_once AND records <> decisions)
UNION ALL
SELECT audited.corr_id || ': audit record of no outcome' FROM audited
LEFT JOIN decided USING (corr_id, decision_id, sha256) WHERE decided.corr_id IS NULL
"""

NOTHING_AFTER = """
SELECT o.corr_id || ': ' || d.kind || ' ' || coalesce(d.reason, '') || ', ' || (i.timestamp - o.orchestrated_at)
    || ' ms after the outcome'
FROM outcome o JOIN disposition d ON d.corr_id = o.corr_id AND d.decision_id = o.decision_id
JOIN input i ON i.topic = d.topic AND i.partition = d.partition AND i."offset" = d."offset"
WHERE CASE d.kind
    WHEN 'late' THEN (d.reason = 'read_late') <> (i.timestamp <= o.orchestrated_at)
    ELSE i.timestamp > o.orchestrated_at END
UNION ALL
SELECT d.corr_id || ': late for no outcome' FROM disposition d WHERE d.kind = 'late' AND NOT EXISTS (
    SELECT 1 FROM outcome o WHERE o.corr_id = d.corr_id AND o.decision_id = d.decision_id)
"""

LEDGER = """
SELECT 'message ' || m.id || ' is not as it was acknowledged: ' || m.topic || '[' || m.partition || '] ' || m."offset"
FROM message m LEFT JOIN input i USING (topic, partition, "offset")
WHERE m.result = 'ok' AND (i.topic IS NULL OR i.ledger_id IS NOT m.id OR i.sha256 <> m.sha256
    OR i.timestamp <> m.timestamp)
UNION ALL
SELECT 'message ' || m.id || ' was ' || m.result || ' and is in the log' FROM message m
JOIN input i ON i.ledger_id = m.id WHERE m.result IN ('failed', 'aborted')
UNION ALL
SELECT 'message ' || i.ledger_id || ' is in the log twice' FROM input i WHERE i.ledger_id IS NOT NULL
GROUP BY i.ledger_id HAVING count(*) > 1
"""
