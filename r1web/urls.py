"""Addresses: REST, admin, signing in, and the browser app for everything else."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from r1web.accounts import views as accounts
from r1web.api import views
from r1web.api.v1 import api
from r1web.operations.monitoring.views import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
    re_path(r"^api(?:/|$)", views.no_such_api),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
    path("signin", accounts.sign_in, name="signin"),
    path("signin/<str:secret>", accounts.sign_in_by_link, name="signin-link"),
    path("signout", accounts.sign_out, name="signout"),
    re_path(r"^(?!static/|ws/)", views.app, name="app"),
]
