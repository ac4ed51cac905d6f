"""A flash sale: many buyers want the same few things at once. `python -m examples.flash_sale` runs it.

Reading order: messages; article, order, payment (the aggregates); checkout (the process manager between them,
with its timer); shop (the view); audit (the rules, as a pure check of a history).
"""

from engine import Engine
from examples.flash_sale.article import Article
from examples.flash_sale.checkout import Checkout
from examples.flash_sale.order import Order
from examples.flash_sale.payment import Payment
from examples.flash_sale.shop import Shop

app = Engine(
    "flash-sale", aggregates=[Article, Order, Payment], process_managers=[Checkout], projections=[Shop]
)
"""What `--app examples.flash_sale:app` names."""
