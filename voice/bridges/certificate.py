"""A certificate of one's own for the page in the home network, made on request and kept."""

import ipaddress
import os
import platform
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from platformdirs import user_data_path

from lowtide.voice.errors import CannotServe

VALID = timedelta(days=800)
"""Phones refuse longer than 825."""
RENEWED_BEFORE = timedelta(days=30)


def folder() -> Path:
    """`LOWTIDE_CERTIFICATE`, or the person's data folder."""
    chosen = os.environ.get("LOWTIDE_CERTIFICATE")
    return Path(chosen) if chosen else user_data_path("lowtide") / "certificate"


def self_signed(host: str) -> tuple[Path, Path]:
    """Certificate and key for this machine, made when there is none that holds for the host.

    Raises:
        CannotServe: They can't be written.
    """
    certificate, key = folder() / "certificate.pem", folder() / "key.pem"
    if not _holds(certificate, host):
        try:
            _make(certificate, key, _names(host))
        except OSError as error:
            raise CannotServe(f"{folder()}: can't be written ({error.strerror}).") from error
    return certificate, key


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS with a certificate.

    Raises:
        CannotServe: The files can't be used.
    """
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotServe(f"{certificate} and {key} are no certificate with its key.") from error
    return tls


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate as browsers show it."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return ":".join(f"{byte:02X}" for byte in digest)


def _names(host: str) -> list[str]:
    own = platform.node() or "localhost"
    return list(dict.fromkeys([host, own, f"{own}.local", "localhost", "127.0.0.1"]))


def _holds(path: Path, host: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(name.value) for name in names}
    return host in known and certificate.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE


def _make(path: Path, key_path: Path, names: list[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lowtide")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    opened = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
