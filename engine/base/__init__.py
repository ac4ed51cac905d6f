"""The ground: what every other package stands on. It knows nothing of commands or events.

Reading order: errors (a small closed family, by whose fault), decoding (what hostile bytes raise),
identity (ids and hashes), instants (nanoseconds and datetimes), files and durable (writing so that a
power cut leaves the old content or the new), place (paths as people write them), seals (checksums where
nothing else has any), lock, log and log_codes (lines with stable codes), masking (of secrets in them),
runbook (which page says what to do), standard_error (where they go), progress, called (the command that
was typed), parent (with which a child ends), turns (how long a thread runs at a time), memory (what the
process takes), guard (which bounds what strangers' connections take), crash (points where a test kills a
process), lazy_names (what a package imports when it is used), spans (for OpenTelemetry), collecting (when
the collector rests).
"""
