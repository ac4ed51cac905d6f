"""Benchmarks: one question a file. Each verifies its own run and prints one JSON object last."""
