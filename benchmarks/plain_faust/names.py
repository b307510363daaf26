"""What the plain Faust job reads and writes. Apart from the job, which is set up when it is imported."""

REQUIRED = ("momentum", "risk", "correlation")
DECISIONS = "plain.decision"
