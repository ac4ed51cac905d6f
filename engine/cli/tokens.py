"""`tokens new`, `list` and `revoke`: who may call the gateway of a node."""

import argparse
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError, Exit
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option

if TYPE_CHECKING:
    from engine.gateway.tokens import Token

DESCRIPTION = """The tokens with which callers show the gateway of a node who they are, in its data directory.
A running node follows what changes here at once. Without any token a node on loopback lets everyone who
reaches it do everything; with the first one that ends."""
EXAMPLES = """
tokens new alice --role operator
tokens new shop-7 --role user --subject customer-7
tokens list
tokens revoke shop-7
"""
NEW = """Makes a token and prints it: only now, as what is kept is a hash of it."""
LIST = """Prints the tokens, without what a caller shows."""
REVOKE = """From now on this token is refused. `visitors` revokes what the visitors of pages were given."""
ROLES = ("public", "user", "operator")


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of all three."""
    places = parser.add_subparsers(title="commands", metavar="new|list|revoke", dest="what", required=True)
    place = places.add_parser("new", help="make one", description=NEW)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="by which it is listed, revoked, and audited")
    place.add_argument("--role", choices=ROLES, required=True, help="what its holder may do")
    place.add_argument("--subject", default="", metavar="ID", help="whose it is; a user needs one")
    place = places.add_parser("list", help="print them", description=LIST)
    add_data_option(place)
    place = places.add_parser("revoke", help="refuse one", description=REVOKE)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="which one")
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for."""
    from engine.gateway.audit import Audit, user_of_the_system
    from engine.gateway.tokens import Tokens
    from engine.model.access import Role

    data = data_from(options)
    if not data.manifest_file.is_file():
        raise ConfigError("this is not a data directory", path=data.path, hint="name one with --data DIR")
    tokens, audit = Tokens(data.tokens), Audit(data.audit)
    with Printer(options) as printer:
        if options.what == "list":
            every = [_facts(token) for token in tokens.all()]
            printer.answer(every, "\n".join(map(_line, tokens.all())) or "there are no tokens")
        elif options.what == "new":
            shown = tokens.new(options.name, Role[options.role.upper()], options.subject)
            audit.note(user_of_the_system(), "token new", f"{options.name} {options.role}", "ok")
            printer.answer({"name": options.name, "token": shown}, shown)
        else:
            tokens.revoke(options.name)
            audit.note(user_of_the_system(), "token revoke", options.name, "ok")
            printer.answer({"name": options.name}, f"{options.name} is revoked")
    return Exit.OK


def _facts(token: "Token") -> dict[str, str]:
    """What is told of a token: not its hash."""
    facts = {"name": token.name, "role": token.role, "subject": token.subject}
    return facts | {"made": token.made, "revoked": token.revoked}


def _line(token: "Token") -> str:
    whose = f" of {token.subject}" if token.subject else ""
    return f"{token.name}: {token.role}{whose}, {'valid' if token.is_valid else 'revoked'}"
