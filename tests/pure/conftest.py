"""How many examples hypothesis tries: `HYPOTHESIS_PROFILE=thorough` for a long look, `default` in every run."""

import os

from hypothesis import settings

# No deadline: a busy machine is no failure. In CI the examples are the same each time.
settings.register_profile("default", max_examples=100, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("thorough", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
