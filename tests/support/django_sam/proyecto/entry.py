"""How the tests sign in: SAM's login is not what they are about."""

from collections.abc import Callable

from core.models import CustomUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse


def sign_in(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-Test-User")
        user = CustomUser.objects.filter(username=name, is_active=True).first()
        request.user = user or AnonymousUser()
        return get_response(request)

    return middleware
