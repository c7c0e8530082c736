"""The cast: Alice sets agents up, Bob runs them, Vera looks."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User

PASSWORD = "correct horse battery staple"

CAST = {
    "alice": ("view_agent", "operate_agent", "configure_agent", "define_commands"),
    "bob": ("view_agent", "operate_agent"),
    "vera": ("view_agent",),
}


def make_person(name: str, *codenames: str) -> User:
    """A member of staff, so that the admin opens, with these permissions alone."""
    person = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    permissions = Permission.objects.filter(
        content_type__app_label="agents", codename__in=codenames
    )
    missing = set(codenames) - {permission.codename for permission in permissions}
    assert not missing, f"The app agents defines no permission {sorted(missing)}."
    person.user_permissions.set(permissions)
    return person


def make_member(name: str) -> User:
    """One of the cast."""
    return make_person(name, *CAST[name])
