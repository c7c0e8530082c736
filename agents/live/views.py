"""The socket's stand-in: the same fragments by HTTP, while the socket is down."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agents.live import fragments, subscription
from agents.live.access import access
from agents.live.editor import Editor
from agents.live.entry import demand_of
from agents.live.page import compose


@never_cache
@require_safe
def poll(request: HttpRequest) -> HttpResponse:
    """What a page would be sent if it subscribed now; the message is in `message`."""
    may = access(request.user.pk, None)
    if not may.view:
        return HttpResponse(status=403 if may.signed_in else 401)
    try:
        message = subscription.parse_message(request.GET.get("message", ""))
        subscribed = subscription.parse_subscription(message)
    except subscription.Malformed as error:
        return HttpResponseBadRequest(str(error))
    demand = demand_of(subscribed, operator=may.operate)
    edition = Editor().snapshot(demand, subscribed.after)
    html = compose(edition, demand, subscribed.known)
    return HttpResponse(html + fragments.position(edition.seq, 0))
