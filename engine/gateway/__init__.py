"""The gateway: the node by HTTP, for people, pages and programs without ZeroMQ. docs/HTTP.md is its manual.

    request ──▶ connection ──▶ guard ──▶ route ──▶ client, views, log, status page ──▶ answer

Reading order: problems (how it says no), context (what routes work with), server, connection and guard
(what every request passes), hosts, targets, tokens, visitors and callers (who asks, and for what), routes
(the table), parameters and bodies (what a request says), commands, tracing, queries, frames, streams, hub,
past and events (the log, live), aggregates, traces, operation and audit (for operators), health, metrics,
openapi and openapi_parts, pages.

Only `engine.processes.gateway` imports what needs Starlette and uvicorn, which the extra `http` installs;
`tokens` and `audit` are for the command line too.
"""
