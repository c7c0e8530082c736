"""Every setting, and the only reader of the environment.

A bad value stops the start with a sentence that says what to change.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

# A connection lasts as long as its thread has work, and is looked at before it is used
# again. Django warns of this under ASGI, where its own handler makes a thread for each
# request; that of this hub keeps its threads.
KEPT: Final = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def env(name: str, default: str = "") -> str:
    """The variable's value without surrounding space; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def data_directory() -> Path:
    """The private directory (0700) that holds everything a hub keeps."""
    path = Path(env("AGENTHUB_DATA_DIR", str(BASE_DIR / "var"))).expanduser()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_uid == os.getuid():
            path.chmod(0o700)
    except OSError as error:
        raise ImproperlyConfigured(
            f"AGENTHUB_DATA_DIR: cannot use {path}: {error.strerror}. "
            "Name a directory this user may write to."
        ) from error
    return path.resolve()


def secret_key(directory: Path) -> str:
    """The key from the environment, else from a file made on the first start."""
    if given := env("AGENTHUB_SECRET_KEY"):
        return given
    path = directory / "secret_key"
    try:
        # O_EXCL: of two first starts at once, one writes and the other reads.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    key = path.read_text().strip()
    if not key:
        raise ImproperlyConfigured(f"{path} is empty. Remove it to get a new key.")
    return key


def days_kept(name: str, usual: int) -> int:
    """A number of days; 0 for ever."""
    text = env(name, str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise ImproperlyConfigured(
            f"{name}: {text!r} is no number of days. Give one, such as {usual}, "
            "or 0 to keep everything."
        )
    return int(text)


def database(directory: Path) -> dict[str, Any]:
    """SQLite in the data directory, or what DATABASE_URL names."""
    url = env("DATABASE_URL")
    if not url:
        return sqlite(directory / "agenthub.sqlite3", directory)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite(Path(unquote(parts.path)), directory)
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            **KEPT,
        }
    raise ImproperlyConfigured(
        f"DATABASE_URL: {parts.scheme or 'nothing'}:// is not supported. "
        "Use postgres://user:password@host:port/name or sqlite:///path."
    )


def sqlite(path: Path, directory: Path) -> dict[str, Any]:
    """WAL with IMMEDIATE transactions: readers never wait, writers queue.

    DEFERRED transactions fail at once with "database is locked" when two of
    them upgrade, whatever the timeout.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        **KEPT,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                "PRAGMA journal_size_limit=27103364; PRAGMA cache_size=-20000;"
                "PRAGMA mmap_size=134217728;"
            ),
        },
        # A file, because the tests use threads and processes as the hub does.
        "TEST": {"NAME": directory / "test.sqlite3"},
    }


def channel_layer() -> dict[str, Any]:
    """In memory by default; Redis where REDIS_URL is set and installed."""
    if url := env("REDIS_URL"):
        return {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [url]},
        }
    return {"BACKEND": "channels.layers.InMemoryChannelLayer"}


AGENTHUB_DATA_DIR = data_directory()
# Of single requests to models; their sums by day stay.
AGENTHUB_KEEP_USAGE_DAYS = days_kept("AGENTHUB_KEEP_USAGE_DAYS", 90)
AGENTHUB_ADMIN_PASSWORD = env("AGENTHUB_ADMIN_PASSWORD")

# What an agent's process may see of the hub's environment; nothing else passes.
AGENTHUB_CHILD_ENVIRONMENT = {
    name: os.environ[name]
    for name in [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ]
    if name in os.environ
}

# What a part of the hub in a process of its own has to see besides.
AGENTHUB_OWN_ENVIRONMENT = {
    name: os.environ[name]
    for name in ["AGENTHUB_SECRET_KEY", "DATABASE_URL", "REDIS_URL"]
    if name in os.environ
} | {"AGENTHUB_DATA_DIR": str(AGENTHUB_DATA_DIR)}

# Where a provider's row has no key or address of its own, by kind.
AGENTHUB_PROVIDER_KEYS = {
    "anthropic": env("ANTHROPIC_API_KEY"),
    "openai": env("OPENAI_API_KEY"),
    "deepseek": env("DEEPSEEK_API_KEY"),
}
AGENTHUB_PROVIDER_URLS = {
    "anthropic": env("ANTHROPIC_BASE_URL"),
    "openai": env("OPENAI_BASE_URL"),
    "deepseek": env("DEEPSEEK_BASE_URL"),
    "ollama": env("OLLAMA_HOST"),
}

SECRET_KEY = secret_key(AGENTHUB_DATA_DIR)
DEBUG = False
# Agents reach the hub by its own address, whatever it is called from outside.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"] + [
    host.strip() for host in env("AGENTHUB_ALLOWED_HOSTS").split(",") if host.strip()
]

INSTALLED_APPS = [
    "agents.apps.AgentsConfig",
    "agents.apps.AgentsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_q",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "agenthub.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "agenthub.urls"
ASGI_APPLICATION = "agenthub.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database(AGENTHUB_DATA_DIR)}
CHANNEL_LAYERS = {"default": channel_layer()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"

SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"

# Ids only, short work only; retry above timeout, or work would run twice.
Q_CLUSTER = {
    "name": "agenthub",
    "orm": "default",
    "workers": 1,
    "timeout": 60,
    "retry": 120,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    # Seconds. Nothing is more urgent than that, and idle it costs next to nothing.
    "poll": 1,
    "guard_cycle": 1,
    # The cluster looks for due schedules in each round by itself, not every 30 s.
    "scheduler": False,
    # Tasks that went well are kept for a look at what happened lately.
    "save_limit": 50,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"agents": {"level": "INFO"}},
}
