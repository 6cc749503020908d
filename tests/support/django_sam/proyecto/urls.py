"""Where the recipes' views are found; their modules are cut out of docs/adopting.md."""

import zip_hook
import zip_model
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path


def informes(request: HttpRequest) -> HttpResponse:
    return HttpResponse("\n".join(str(message) for message in messages.get_messages(request)))


urlpatterns = [
    path("informes", informes, name="informes"),
    path("descargar", zip_hook.descargar_zip, name="descargar_zip"),
    path("solicitar", zip_model.solicitar_zip, name="solicitar_zip"),
    path("estado/<int:pk>", zip_model.estado_zip, name="estado_zip"),
    path("parte/<int:pk>", zip_model.descargar_parte, name="descargar_parte"),
]
