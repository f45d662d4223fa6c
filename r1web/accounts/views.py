"""Signing in: with a password, or by a one-time link."""

from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from r1web.accounts.services import claim_signin_link
from r1web.errors import NotFoundError

BACKEND = "django.contrib.auth.backends.ModelBackend"

sign_in = LoginView.as_view(template_name="signin.html", redirect_authenticated_user=True)
sign_out = LogoutView.as_view()


@require_safe
def sign_in_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Sign in and go to the app; a spent link says so."""
    if request.method == "HEAD":
        return HttpResponse()  # a preview of the link must not spend it
    try:
        user = claim_signin_link(secret=secret)
    except NotFoundError as error:
        if request.user.is_authenticated:
            return redirect("/")
        return render(request, "signin_link_spent.html", {"detail": error.detail}, status=410)
    login(request, user, backend=BACKEND)
    return redirect("/")
