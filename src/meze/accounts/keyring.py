"""Keys that are derived from SECRET_KEY, one for each purpose, so that what leaks of one serves for nothing else."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Keyring:
    """The derived keys of SECRET_KEY, and of the earlier ones that are still accepted (SECRET_KEY_FALLBACKS)."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._secrets = tuple(secret_keys)
        self._derived: dict[str, tuple[bytes, ...]] = {}

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return 32 bytes for each secret, the present one first; `purpose` is the only thing that they serve for."""
        if purpose not in self._derived:
            self._derived[purpose] = tuple(
                HKDF(SHA256(), 32, salt=None, info=f"meze {purpose}".encode()).derive(secret.encode())
                for secret in self._secrets
            )
        return self._derived[purpose]

    def digest(self, purpose: str, *parts: str) -> str:
        """Return 32 hexadecimal digits that stand for the parts, and tell nothing of them without the secret."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self.keys(purpose)[0], message, "sha256").hex()[:32]

    def encrypt(self, purpose: str, plain: str) -> str:
        """Return the text encrypted (Fernet) with the present secret."""
        return self._fernet(purpose).encrypt(plain.encode()).decode()

    def decrypt(self, purpose: str, sealed: str) -> str:
        """Return the text again, whichever of the secrets it was encrypted with.

        Raises:
            ValueError: with none of them.
        """
        try:
            return self._fernet(purpose).decrypt(sealed).decode()
        except InvalidToken:
            raise ValueError("encrypted with a secret that is not among SECRET_KEY and SECRET_KEY_FALLBACKS") from None

    def reencrypt(self, purpose: str, sealed: str) -> str:
        """Return the same text encrypted with the present secret. Raises ValueError as `decrypt` does."""
        return self.encrypt(purpose, self.decrypt(purpose, sealed))

    def _fernet(self, purpose: str) -> MultiFernet:
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in self.keys(purpose)])
