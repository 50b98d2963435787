"""A private CA: for Pebble's own HTTPS endpoint, and for tests that make certificates by the dozen."""

import dataclasses
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclasses.dataclass(frozen=True)
class Issued:
    chain: str  # PEM
    key: str  # PEM
    sha256: str  # of the leaf, lower-case hexadecimal


class Authority:
    def __init__(self, name: str):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        root = (_builder(self._name, self._name, self._key)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_key_usage(key_cert_sign=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
                .sign(self._key, hashes.SHA256()))
        self.pem = _pem(root)

    def issue(self, name: str) -> Issued:
        """For a server that goes by a host name or an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        leaf = (_builder(subject, self._name, key)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_key_usage(digital_signature=True), critical=True)
                .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)
                .add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
                .sign(self._key, hashes.SHA256()))
        return Issued(_pem(leaf), _key_pem(key), leaf.fingerprint(hashes.SHA256()).hex())


def write_endpoint(directory: pathlib.Path, address: str) -> None:
    """endpoint-ca.pem, endpoint.pem and endpoint.key (0600), good for one IP address."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = Authority("lab ACME endpoint CA")
    issued = authority.issue(address)
    (directory / "endpoint-ca.pem").write_text(authority.pem)
    (directory / "endpoint.pem").write_text(issued.chain)
    key_path = directory / "endpoint.key"
    key_path.touch(mode=0o600)
    key_path.write_text(issued.key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def _builder(subject, issuer, key) -> x509.CertificateBuilder:
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=3650)))


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign, encipher_only=False, decipher_only=False)
