#!/usr/bin/env python3
"""HTTPS servers with good and bad certificates, for tls_test.cc.

Prints one line "CA_FILE OTHER_CA_FILE PORT_GOOD PORT_EXPIRED PORT_WRONG_HOST PORT_SELF_SIGNED PORT_TLS11 PORT_PROXY" and serves until standard input closes.
GET /N answers with N bytes, in chunks where N is odd, /surplus, /closed and /cut with oddities; the proxy knows CONNECT only, and wants the user "ferry" with the password "p:w".
"""
import base64
import http.server
import os
import select
import shutil
import socket
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
        size = self.path[1:]
        if size == "surplus":    # more than it announces, in one record
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            self.wfile.write(bytes(95000))
            self.wfile.write(bytes(5000) + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        elif size in ("closed", "cut"):    # a body that ends with the connection; the end may be anybody's
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nas much as comes")
            self.wfile.flush()
            if size == "closed":
                try:
                    self.connection.unwrap()
                except OSError:
                    pass   # the client does not say good-bye
            self.close_connection = True
        elif not size.isdigit():
            self.answer(b"secure")
        elif int(size) % 2 == 0:
            self.answer(bytes(i % 251 for i in range(251)) * (int(size) // 251 + 1), int(size))
        else:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            body = (bytes(i % 251 for i in range(251)) * (int(size) // 251 + 1))[:int(size)]
            for at in range(0, len(body), 50000):
                piece = body[at:at + 50000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(str(len(body)).encode())

    def answer(self, body, size=None):
        body = body[:size]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Tunnel(http.server.BaseHTTPRequestHandler):
    """A proxy for CONNECT."""

    def do_CONNECT(self):
        if self.headers["Proxy-Authorization"] != "Basic " + base64.b64encode(b"ferry:p:w").decode():
            return self.send_error(407)
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    ends[end].sendall(data)

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
    proxy = Server(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    ports.append(proxy.server_address[1])
    print(os.path.join(folder, "ca.pem"), os.path.join(folder, "self.pem"), *ports, flush=True)
    sys.stdin.read()
finally:
    shutil.rmtree(folder, ignore_errors=True)
