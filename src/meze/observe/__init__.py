"""What operators see of a running server: one structured line for each request. Subscribers to events."""

from __future__ import annotations

from meze.observe.request_log import RequestLog

__all__ = ["RequestLog"]
