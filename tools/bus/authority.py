"""A certificate authority of the test's own, and a certificate for 127.0.0.1 and localhost signed by it."""

import ssl
import subprocess
from pathlib import Path


class Authority:
    """Files in `folder`: ca.pem, cert.pem, key.pem (PKCS#8). Made at first use, kept with the data."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca, self.cert, self.key = (self.folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        if not self.cert.exists():
            self._make()

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    def _make(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        ca_key, request, extensions = (self.folder / name for name in ("ca_key.pem", "request.pem", "extensions"))
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=test authority",
                      "-keyout", ca_key, "-out", self.ca)
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                      "-keyout", self.key, "-out", request)
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2\n")
        unfinished = self.folder / "cert.new"
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-set_serial", "1",
                      "-days", "3", "-extfile", extensions, "-out", unfinished)
        unfinished.rename(self.cert)

    def context(self):
        return ssl.create_default_context(cafile=str(self.ca))
