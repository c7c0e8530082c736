"""Every address: the pages, the control API, and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("agents.api.urls")),
    path("", include("agents.live.urls")),
    path("", include("agents.pages.urls")),
]
