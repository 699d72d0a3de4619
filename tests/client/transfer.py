"""A transfer by the client that was generated from the API's document, and by nothing else.

Reads `BASE KEY SOURCE RECIPIENT REFUND_KEY AMOUNT` from its arguments. Prints what is to be paid as a line of JSON, follows
the transfer until nothing will change any more, and prints that as another.
"""

import json
import sys
import time

from client import AuthenticatedClient
from client.api.default import create, quote, routes, show
from client.models import OrderRequest, OrderView, Quote, QuoteRequest, TransferView

PATIENCE_SECONDS = 120


def expect(kind, answer):
    if not isinstance(answer, kind):
        sys.exit(f"expected {kind.__name__}, found {answer}")
    return answer


def main(base, key, source, recipient, refund_key, amount):
    client = AuthenticatedClient(base_url=base, token=key)
    route = next(route for route in routes.sync(client=client) if route.source == source)
    request = QuoteRequest(amount=amount, route=route.id, lane="light_client")
    offer = expect(Quote, quote.sync(client=client, body=request))
    request = OrderRequest(quote=offer.id, recipient=recipient, refund_key=refund_key)
    order = expect(OrderView, create.sync(client=client, body=request, idempotency_key="generated-client"))
    print(json.dumps(order.instructions.to_dict()), flush=True)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        transfer = expect(TransferView, show.sync(client=client, id=order.transfer.id))
        if transfer.terminal:
            print(json.dumps(transfer.to_dict()), flush=True)
            return
        time.sleep(0.2)
    sys.exit(f"{order.transfer.id} did not end")


main(*sys.argv[1:])
