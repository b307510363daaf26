"""The mirror's rules file: names go both ways, and what would collide, loop or leak is refused with its place."""

from pathlib import Path

import pytest

from config.mirror.loader import MirrorFileError, load_mirror_rules
from config.mirror.patterns import Pattern, Rule
from config.mirror.rules import allowed, uncovered
from config.nats_settings import SHIPPED_MIRROR_RULES
from streams.mirror.jetstream import STREAM_SUBJECTS, durable_of


def test_the_shipped_rules_map_each_topic_to_the_subject_of_its_name() -> None:
    rules = load_mirror_rules(SHIPPED_MIRROR_RULES)
    for topic in ("signals.normalized", "signals.enriched.risk", "signals.enriched.of_another"):
        assert rules.subject_of_input(topic) == topic
    outputs = ("signals.normalized", "signals.late", "orchestrated.decision", "execution.crypto.high_risk")
    more = ("executions.fill", "audit.orchestration.decision", "dlq.signals.enriched.risk")
    for topic in (*outputs, *more):
        assert rules.subject_of_output(topic) == topic
    assert uncovered([*outputs, *more, "signals.enriched.risk"], STREAM_SUBJECTS) == []
    assert rules.subject_of_output("orchestrator.tick") is None
    assert rules.subject_of_output("signals.enriched.risk") is None


@pytest.mark.parametrize(
    ("source", "target", "name", "translated"),
    [
        ("a.*.b", "x.{1}", "a.q.b", "x.q"),
        ("a.*.*", "{2}.{1}.x", "a.q.r", "r.q.x"),
        ("a.>", "z.{1}", "a.b.c", "z.b.c"),
        ("*.b.>", "z.{1}.{2}", "a.b.c.d", "z.a.c.d"),
        ("plain", "other", "plain", "other"),
    ],
)
def test_wildcards_carry_their_tokens_there_and_back(
    source: str, target: str, name: str, translated: str
) -> None:
    rule = Rule(source, target)
    assert rule.translate(name) == translated
    assert rule.invert(translated) == name
    assert rule.translate("something.else.entirely") is None


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("a..b", "x", "source: tokens"),
        ("a.>.b", "x.{1}", "source: tokens"),
        ("a.*", "x", "target: each wildcard of the other side once"),
        ("a.*", "x.{1}.{1}", "target: each wildcard"),
        ("a", "x.{1}", "target: each wildcard"),
        ("a.*", "x.*.{1}", "target: {1}"),
        ("a.>", "{1}.x", "target: tokens"),
    ],
)
def test_a_rule_that_does_not_go_both_ways_is_refused(source: str, target: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("{", r"\{")):
        Rule(source, target)


@pytest.mark.parametrize(
    ("filters", "missing"),
    [
        (["signals.>"], []),
        (["signals.*"], ["signals.enriched.momentum"]),
        (["signals.*", "signals.enriched.*"], []),
        (["signals.enriched.>"], ["signals.normalized"]),
        ([">"], []),
        ([], ["signals.normalized", "signals.enriched.momentum"]),
    ],
)
def test_a_filter_captures_by_tokens(filters: list[str], missing: list[str]) -> None:
    assert uncovered(["signals.normalized", "signals.enriched.momentum"], filters) == missing


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a.*", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.*", "a.b.c", False),
        ("a.*.c", "*.b.c", True),
        ("a", "b", False),
    ],
)
def test_patterns_overlap_where_one_name_fits_both(one: str, other: str, overlap: bool) -> None:
    assert Pattern(one).overlaps(Pattern(other)) is overlap
    assert Pattern(other).overlaps(Pattern(one)) is overlap


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "in:\n- {subject: 'a.*', topic: 'b.{1}'}\n- {subject: a.b, topic: c}\nout: []\n",
            ":3:4: in.1.subject: got 'a.b', expected what no other rule claims; in.0 has a.*",
        ),
        (
            "in: []\nout:\n- {topic: a, subject: s.1}\n- {topic: b, subject: s.1}\n",
            ":4:14: out.1.subject: got 's.1', expected what no other rule claims; out.0 has s.1",
        ),
        (
            "in:\n- {subject: 's.*', topic: 't.{1}'}\nout:\n- {topic: u, subject: s.a}\n",
            ":4:14: out.0.subject: got 's.a', expected a subject that is not read again into another topic",
        ),
        (
            "in: []\nout: []\nheaders: {in: [Nats-Msg-Id]}\n",
            ":3:16: headers.in.0: got 'Nats-Msg-Id', expected no `Nats-…`",
        ),
        ("in: []\nout: []\nheaders: {out: ['a*b']}\n", "headers.out.0: got 'a*b', expected a header's name"),
        ("in: []\nouts: []\n", "outs: "),
        ("in: []\nin: []\n", "each key once"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mirror.yaml"
    path.write_text(text)
    with pytest.raises(MirrorFileError) as refused:
        load_mirror_rules(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))


def test_the_same_name_both_ways_is_no_loop(tmp_path: Path) -> None:
    path = tmp_path / "mirror.yaml"
    path.write_text("in:\n- {subject: 's.*', topic: 't.{1}'}\nout:\n- {topic: t.a, subject: s.a}\n")
    assert load_mirror_rules(path).subject_of_output("t.a") == "s.a"


def test_headers_are_carried_by_their_list_and_those_of_nats_never() -> None:
    names = ("traceparent", "dlq_*", "*")
    assert allowed("traceparent", names)
    assert allowed("dlq_reason", ("dlq_*",))
    assert not allowed("other", ("traceparent", "dlq_*"))
    assert not allowed("Nats-Msg-Id", names)
    assert not allowed("nats-expected-stream", names)


def test_consumers_of_different_subjects_have_different_names() -> None:
    subjects = ["signals.enriched.a_b", "signals.enriched.a.b", "signals.enriched_a.b"]
    names = {durable_of("orchestrator-consumer", subject) for subject in subjects}
    assert len(names) == len(subjects)
    assert not any("." in name for name in names)
