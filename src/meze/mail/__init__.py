"""Mail: templates, the message, and the ways in which it leaves. Who is written to, and when, others decide."""

from __future__ import annotations

from meze.mail.post import Post, open_post

__all__ = ["Post", "open_post"]
