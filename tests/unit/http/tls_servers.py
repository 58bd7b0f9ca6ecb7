#!/usr/bin/env python3
"""HTTPS servers with good and bad certificates, for tls_test.cc.

Prints one line "CA_FILE OTHER_CA_FILE PORT_GOOD PORT_EXPIRED PORT_WRONG_HOST PORT_SELF_SIGNED PORT_TLS11" and serves until standard input closes.
"""
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

CONFIG = """
[ca]
default_ca = own
[own]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"secure")

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(str(len(body)).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass   # clients that refuse the certificate


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(folder, name, host, start, end):
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
    openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", f"{name}.csr", "-out", f"{name}.pem", "-startdate", start, "-enddate", end, "-notext")


def serve(folder, name, tls11=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls11:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key"))
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


folder = tempfile.mkdtemp(prefix="fileferry-tls-")
try:
    for file, text in (("ca.cnf", CONFIG), ("index.txt", ""), ("serial", "01")):
        with open(os.path.join(folder, file), "w") as out:
            out.write(text)
    for name in ("ca", "self"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=localhost" if name == "self" else "/CN=Own CA",
                "-addext", "subjectAltName=DNS:localhost" if name == "self" else "keyUsage=keyCertSign,cRLSign")
    certificate(folder, "good", "localhost", "20200101000000Z", "20491231000000Z")
    certificate(folder, "expired", "localhost", "20200101000000Z", "20210101000000Z")
    certificate(folder, "wrong", "other.example", "20200101000000Z", "20491231000000Z")
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    ports = [serve(folder, "good"), serve(folder, "expired"), serve(folder, "wrong"), serve(folder, "self"), serve(folder, "good", tls11=True)]
    print(os.path.join(folder, "ca.pem"), os.path.join(folder, "self.pem"), *ports, flush=True)
    sys.stdin.read()
finally:
    shutil.rmtree(folder, ignore_errors=True)
