"""Everybody wants the same few things at once. `python -m examples.flash_sale` runs it.

Reading order: messages; article, order, payment (the aggregates); checkout (the process manager between them,
with its timer); shop (the view); audit (the rules, as a pure check of a history).
"""

from collections.abc import Mapping

from engine import Engine
from examples.flash_sale.article import Article
from examples.flash_sale.checkout import Checkout
from examples.flash_sale.order import Order
from examples.flash_sale.payment import Payment
from examples.flash_sale.shop import Shop


def create(settings: Mapping[str, str]) -> Engine:
    """What `--app examples.flash_sale:create` names."""
    app = Engine("flash-sale")
    app.aggregate(Article)
    app.aggregate(Order)
    app.aggregate(Payment)
    app.process("checkout")(Checkout)
    app.projection("shop", version=1)(Shop)
    return app
