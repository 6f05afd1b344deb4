"""An authority of the test's own and certificates from it, as files: what an operator has."""

import ssl
import subprocess
from pathlib import Path


class Authority:
    """Makes NAME.pem and NAME.key in `folder`; `ca` is what clients have to trust."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self._key = self.folder / "ca.pem", self.folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                      "-subj", "/CN=test authority", "-keyout", self._key, "-out", self.ca)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    def make(self, name, *hosts, days=3):
        """A certificate that says NAME is its subject, for 127.0.0.1 and the host names; (certificate, key)."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        fresh_key, fresh = self.folder / f"{name}.key.new", self.folder / f"{name}.pem.new"
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", fresh_key, "-out", request)
        names = ["IP:127.0.0.1", *(f"DNS:{host}" for host in hosts)]
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
                      "-days", days, "-extfile", extensions, "-out", fresh)
        fresh_key.chmod(0o600)
        fresh_key.rename(key)
        fresh.rename(certificate)
        return certificate, key

    def context(self, identity=None):
        """For a client that trusts it, and shows `identity` (certificate, key) if it is asked to."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if identity is not None:
            context.load_cert_chain(*map(str, identity))
        return context
