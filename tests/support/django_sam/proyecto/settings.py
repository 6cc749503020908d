"""A small SAM: the recipes of docs/adopting.md on somebody's database."""

import json
import os

SECRET_KEY = "a-secret-of-the-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "core"]
AUTH_USER_MODEL = "core.CustomUser"
MIDDLEWARE = ["proyecto.entry.sign_in", "django.contrib.messages.middleware.MessageMiddleware"]
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
ROOT_URLCONF = "proyecto.urls"
DATABASES = {"default": json.loads(os.environ["SAM_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MEDIA_ROOT = os.environ["SAM_MEDIA_ROOT"]
LOGIN_URL = "/login"

SAMZIP_URL = os.environ.get("SAMZIP_URL", "http://127.0.0.1:1")
SAMZIP_TOKEN = os.environ["SAMZIP_WEB_TOKENS"]
