"""One file per question. Each verifies its own run and prints one JSON object last."""
