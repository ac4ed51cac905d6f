"""The routes: which path is answered by what. The paths of docs/HTTP.md, in its order."""

from starlette.routing import Route, Router

from engine.gateway.aggregates import Aggregates
from engine.gateway.commands import Commands
from engine.gateway.context import Context
from engine.gateway.events import Events
from engine.gateway.health import Health
from engine.gateway.metrics import Metrics
from engine.gateway.openapi import OpenApi
from engine.gateway.operation import Operation
from engine.gateway.pages import Pages
from engine.gateway.queries import Queries
from engine.gateway.traces import Traces


def routes_of(context: Context) -> Router:
    """All of them. Pages come last: they get only paths that the gateway itself does not have."""
    commands, queries, events = Commands(context), Queries(context), Events(context)
    health, metrics, operation = Health(context), Metrics(context), Operation(context)
    aggregates, traces = Aggregates(context), Traces(context)
    api = OpenApi(context)
    secure = context.endpoints.http.startswith("https") or bool(context.config.http_proxy)
    pages = Pages(context.app.page_packages, context.tokens, secure=secure)
    node = "/api/node"
    own = [
        Route("/api/commands/{type}", commands.post, methods=["POST"]),
        Route("/api/commands", commands.post, methods=["POST"]),
        Route("/api/views/{view}/{query}", queries.get, methods=["GET"]),
        Route("/api/views/{view}/{query}", queries.post, methods=["POST"]),
        Route("/api/events", events.get, methods=["GET"]),
        Route("/api/aggregates/{id:path}", aggregates.get, methods=["GET"]),
        Route("/api/trace/{command}", traces.get, methods=["GET"]),
        Route(node, operation.node, methods=["GET"]),
        Route(f"{node}/settings", operation.settings, methods=["GET"]),
        Route(f"{node}/views", operation.views, methods=["GET"]),
        Route(f"{node}/views/{{view}}/rebuild", operation.rebuild, methods=["POST"]),
        Route(f"{node}/dead-letters", operation.dead_letters, methods=["GET"]),
        Route(f"{node}/dead-letters/{{name}}/retry", operation.retry, methods=["POST"]),
        Route(f"{node}/dead-letters/{{name}}/drop", operation.drop, methods=["POST"]),
        Route(f"{node}/process-managers", operation.process_managers, methods=["GET"]),
        Route(f"{node}/process-managers/{{name}}/instances/{{id:path}}", operation.instance, methods=["GET"]),
        Route(f"{node}/audit", operation.audit, methods=["GET"]),
        Route("/metrics", metrics.get, methods=["GET"]),
        Route("/openapi.json", api.get, methods=["GET"]),
        Route("/health/live", health.live, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
    ]
    others = Router([Route("/{path:path}", pages.get, methods=["GET"])], redirect_slashes=False)
    return Router(own, redirect_slashes=False, default=others)
