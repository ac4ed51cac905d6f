"""Golden scripts: what must come of it, in words that a railway clerk can read and write."""
