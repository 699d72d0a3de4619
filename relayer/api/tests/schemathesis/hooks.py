"""What the tester is told beyond the document."""

import itertools
import os

import schemathesis

if os.environ.get("SPANDREL_FRESH_KEYS"):
    requests = itertools.count()

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """Every request has a key of its own: what is drawn alike is not answered again, and makes something new."""
        if case.headers and "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = f"chained-{next(requests)}"


@schemathesis.check
def refused_for_what_it_says(ctx, response, case):
    """A body that fits its schema can be read: where it is refused, it is for what it says."""
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    if fits and response.status_code == 422:
        assert response.json()["code"] != "INVALID_BODY", response.text
