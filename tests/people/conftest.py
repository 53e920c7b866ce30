"""Settings of the property tests."""

from hypothesis import settings

# No deadline: a busy machine is no finding. No database of examples: every run stands by itself.
settings.register_profile("people", deadline=None, database=None)
settings.load_profile("people")
