"""One application before and after a tidy-up: modules moved, classes renamed, events in new versions."""
