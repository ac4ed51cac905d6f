"""Fixtures for all tests: those of the testing kit, asked for as any project asks for them."""

from hypothesis import settings

pytest_plugins = ["engine.testing.plugin"]

# No test is about how long an example takes: on a busy machine any may be interrupted for half a second.
settings.register_profile("ringfold", deadline=None)
settings.load_profile("ringfold")
