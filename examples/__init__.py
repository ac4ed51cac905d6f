"""Small applications to read first. Each runs as a test."""
