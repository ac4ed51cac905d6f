"""One file per question. Each starts what it measures, verifies its own run and prints one JSON object last."""
