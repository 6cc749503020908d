"""SAM's tables as SAM's own models see them, as far as the recipes need; Django makes none of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Empresa(models.Model):
    nombre = models.CharField(max_length=200)
    is_deleted = models.BooleanField(default=False)

    class Meta:
        managed = False


class CustomUser(models.Model):
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    empresa = models.ForeignKey(Empresa, models.CASCADE, null=True)

    is_authenticated = True
    is_anonymous = False
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        managed = False


class Equipo(models.Model):
    empresa = models.ForeignKey(Empresa, models.CASCADE)

    class Meta:
        managed = False


class ZipRequest(models.Model):
    user = models.ForeignKey(CustomUser, models.CASCADE)
    empresa = models.ForeignKey(Empresa, models.CASCADE)
    status = models.CharField(max_length=20, default="pending")
    position_in_queue = models.IntegerField()
    parte_numero = models.IntegerField(default=1)
    total_partes = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    file_path = models.CharField(max_length=500, null=True)
    file_size = models.BigIntegerField(null=True)
    error_message = models.TextField(null=True)
    expires_at = models.DateTimeField(null=True)
    current_step = models.CharField(max_length=200, null=True)
    equipos_procesados = models.IntegerField(default=0)
    estimated_completion = models.DateTimeField(null=True)
    progress_percentage = models.IntegerField(default=0)
    total_equipos = models.IntegerField(null=True)
    rango_equipos_inicio = models.IntegerField(null=True)
    rango_equipos_fin = models.IntegerField(null=True)

    class Meta:
        managed = False
