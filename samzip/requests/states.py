"""The words of core_ziprequest.status, and what stands for a row that is gone."""

from __future__ import annotations

PENDING = ("pending", "queued")  # SAM's old worker wrote 'queued' for the same thing
LIVE = (*PENDING, "processing")
ENDED = ("failed", "expired", "cancelled")

NO_COMPANY = "(empresa eliminada)"
NO_USER = "(usuario eliminado)"
