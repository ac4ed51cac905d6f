"""Fixtures for all tests: those of the testing kit, asked for as any project asks for them."""

pytest_plugins = ["engine.testing.plugin"]
