"""JSON Web Tokens and keys, made with PyJWT and cryptography."""

import base64
import json
import os
import time
from functools import cache

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

SECRET = "integration-secret-of-at-least-sixty-four-bytes-so-that-HS512-is-content"
OTHER_SECRET = SECRET[::-1]


@cache
def private_key(kind):
    """One key of each kind a run; RSA keys are slow to make."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def public_pem(kind):
    return private_key(kind).public_key().public_bytes(serialization.Encoding.PEM,
                                                       serialization.PublicFormat.SubjectPublicKeyInfo)


ALGORITHM_CLASS = {"rsa": jwt.algorithms.RSAAlgorithm, "p256": jwt.algorithms.ECAlgorithm,
                   "p384": jwt.algorithms.ECAlgorithm, "ed25519": jwt.algorithms.OKPAlgorithm}
DEFAULT_ALGORITHM = {"rsa": "RS256", "p256": "ES256", "p384": "ES384", "ed25519": "EdDSA"}


def jwk(kind, kid):
    public = json.loads(ALGORITHM_CLASS[kind].to_jwk(private_key(kind).public_key()))
    return {**public, "kid": kid, "use": "sig", "alg": DEFAULT_ALGORITHM[kind]}


def token(user="alice", key=SECRET, algorithm="HS256", headers=None, **claims):
    """A token valid for an hour; claims replace or add, None leaves one out."""
    payload = {"sub": user, "exp": int(time.time()) + 3600, **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    return signed(payload, key, algorithm, headers)


def signed(payload, key, algorithm, headers=None):
    """Signs what PyJWT itself would refuse, too: claims of a wrong type, public keys as HMAC secrets."""
    signer = jwt.algorithms.get_default_algorithms()[algorithm]
    if isinstance(key, bytes) and algorithm.startswith("HS"):
        prepared = key
    else:
        prepared = signer.prepare_key(key)
    head = {"alg": algorithm, "typ": "JWT", **(headers or {})}
    text = f"{_part(head)}.{_part(payload)}"
    signature = signer.sign(text.encode(), prepared)
    return f"{text}.{_base64url(signature)}"


def unsigned(payload, algorithm="none"):
    return f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(payload)}."


def _part(value):
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write_file(path, content, mode=0o600):
    """A file that the gateway reads; secrets must not be readable by others."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.chmod(path, mode)
    return path
