"""Time-based one-time codes (RFC 6238), as every authenticator app makes them: SHA-1, six digits, 30 seconds.

No database: that a code is good once is for others to see to. pyotp and segno are imported where they are
used: only who has a second factor pays for them.
"""

from __future__ import annotations

import hmac
import io
import re

STEP_SECONDS = 30
STEPS_ASIDE = 1
"""How many steps a clock may be wrong, or a person slow."""
_CODE = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """Return 160 bits of chance in base 32."""
    import pyotp  # only who has a second factor pays for it

    return pyotp.random_base32()


def read_code(text: str) -> str | None:
    """Return the six digits that were typed, with blanks anywhere, or None where it is something else."""
    code = "".join(text.split())
    return code if _CODE.fullmatch(code) else None


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the time step that a code of six digits belongs to, None where it is of none near `now`."""
    import pyotp  # only who has a second factor pays for it

    codes = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(now // STEP_SECONDS)
    steps = range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1)
    return next((step for step in steps if hmac.compare_digest(codes.generate_otp(step), code)), None)


def otpauth_url(secret: str, email: str, issuer: str) -> str:
    """Return what an authenticator app takes in, by hand or from a QR code."""
    import pyotp  # only who has a second factor pays for it

    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=issuer)


def qr_svg(text: str) -> str:
    """Return a QR code as one `<svg>`, to stand in a page or in a file of its own; dark on light in every theme."""
    import segno  # only who sets a second factor up pays for it

    written = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(written, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, nl=False)
    return written.getvalue().decode()
