"""The addresses of the live room's HTTP side."""

from __future__ import annotations

from django.urls import URLPattern, path

from agents.live.views import poll

urlpatterns: list[URLPattern] = [path("live/poll", poll, name="live-poll")]
