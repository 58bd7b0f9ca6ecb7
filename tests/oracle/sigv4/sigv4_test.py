#!/usr/bin/env python3
"""The signer against botocore's: generated requests, a fixed seed.

  sigv4_test.py SIGN_REQUESTS [COUNT]

Methods, odd keys, queries with repeated names, headers with odd white space and repeated names, session tokens, signed URLs; S3 and services that normalise and
encode twice.  Exits 77 (skipped) where botocore is not installed.
"""
import datetime
import hashlib
import random
import subprocess
import sys
import time
import types
from urllib.parse import quote, urlsplit

try:
    import botocore.auth
    import botocore.credentials
    from botocore.awsrequest import AWSRequest
except ImportError:
    print("botocore is not installed (pip install botocore); name a Python that has it in FILEFERRY_PYTHON")
    sys.exit(77)

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 12000
rng = random.Random(20130524)
UNUSUAL = ["/", "//", ".", "..", "./", "../", "%", "%2F", "%zz", "+", " ", "  ", "?", "#", "&", "=", ";", ":", "@", "$", ",", "'", "\"", "(", ")", "*", "!", "~", "-", "_", "<", ">",
           "[", "]", "{", "}", "|", "\\", "^", "`", "\x01", "\x1f", "\x7f", "\t", "\n", "\r", "\u00e4", "\u00fc", "\u0444", "\u20ac", "\u4e2d", "\ufffd", "\U0001f600", "e\u0301"]
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def text(most, unusual=0.35):
    return "".join(rng.choice(UNUSUAL) if rng.random() < unusual else rng.choice(PLAIN) for _ in range(rng.randint(0, most)))


def word(least, most):
    return "".join(rng.choice(PLAIN) for _ in range(rng.randint(least, most)))


def visible(value):
    """Without control characters: no header can hold them."""
    return "".join(c for c in value if ord(c) >= 0x20 and ord(c) != 0x7f)


def header_value():
    blanks = ["", " ", "  ", "\t", " \t ", "    "]
    words = [visible(text(6, 0.2)) for _ in range(rng.randint(0, 4))]
    return rng.choice(blanks) + "".join(w + rng.choice(blanks) for w in words)


def headers():
    names = ["Content-Type", "content-md5", "Range", "If-Match", "x-amz-acl", "X-Amz-Storage-Class", "x-amz-copy-source", "Cache-Control", "x-amz-tagging", "User-Agent", "Expect",
             "Connection", "TE", "Upgrade", "X-Amzn-Trace-Id"] + ["x-amz-meta-" + word(1, 8) for _ in range(4)] + ["X-AMZ-Meta-Same", "x-amz-meta-same"]
    return [(rng.choice(names), header_value()) for _ in range(rng.randint(0, 6))]


def query(repeated):
    names = [rng.choice(["prefix", "delimiter", "uploads", "uploadId", "partNumber", "versionId", "list-type", "a", "A", "a b", "response-content-disposition"]) if rng.random() < 0.7
             else text(6) + word(1, 2) for _ in range(rng.randint(0, 6))]
    if not repeated:
        names = list(dict.fromkeys(names))
    return [(name, text(12)) for name in names]


def host():
    name = rng.choice(["s3.amazonaws.com", "examplebucket.s3.eu-west-1.amazonaws.com", "127.0.0.1", "[::1]", "localhost", word(3, 20).lower() + ".example"])
    port = rng.choice([None, None, 9000, 8333, 80, 443])
    return name, port


class Case:
    def __init__(self):
        self.presign = rng.random() < 0.35
        self.is_s3 = rng.random() < 0.7
        self.service = "s3" if self.is_s3 else rng.choice(["sts", "sso", "execute-api", "ec2", word(2, 10).lower()])
        self.region = rng.choice(["us-east-1", "eu-central-1", "cn-north-1", "auto", word(1, 20)])
        self.access_key = word(1, 30)
        self.secret = text(40, 0.2) + word(1, 4)
        self.token = rng.choice([None, None, visible(text(60)) + word(1, 3)])
        self.when = rng.randint(0, 4102444799)
        self.expires = rng.choice([1, 60, 3600, 604800, rng.randint(1, 604800)])
        self.method = rng.choice(["GET", "PUT", "HEAD", "POST", "DELETE"])
        self.scheme = rng.choice(["http", "https"])
        self.hostname, self.port = host()
        self.path = "/" + text(24)
        if rng.random() < 0.05:
            self.path = "/" + rng.choice(["", "/", "./", "../", "//a//", ".", "..", "a/..", "a/../", "a/./b/../../c/", "\u00fc/" * 30])
        self.query = query(not self.presign)
        self.headers = headers()
        self.body = b"" if self.presign and self.is_s3 else text(30).encode()
        # For S3: the hash of the body, or a word in its place.
        self.payload = "hash" if not self.is_s3 or self.presign else rng.choice(["hash", "hash", "unsigned", "trailer"])

    @property
    def netloc(self):
        return self.hostname if self.port is None else f"{self.hostname}:{self.port}"

    @property
    def signed_host(self):
        default = {"http": 80, "https": 443}[self.scheme]
        return self.hostname if self.port in (None, default) else self.netloc

    @property
    def payload_hash(self):
        return {"hash": hashlib.sha256(self.body).hexdigest(), "unsigned": "UNSIGNED-PAYLOAD", "trailer": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}[self.payload]

    def line(self):
        fields = ["P" if self.presign else "S", self.service, self.region, "s" if self.is_s3 else "nd", self.access_key, self.secret, self.token or "", str(self.when), str(self.expires),
                  self.method, self.signed_host, self.path, self.payload_hash, str(len(self.query))]
        for pair in self.query:
            fields += pair
        fields.append(str(len(self.headers)))
        for pair in self.headers:
            fields += pair
        return "\t".join(f.encode().hex() for f in fields)

    def by_botocore(self):
        url = f"{self.scheme}://{self.netloc}{quote(self.path, safe='/~')}"
        request = AWSRequest(method=self.method, url=url, data=self.body)
        if self.query and (self.presign or rng.random() < 0.5):
            request.url += "?" + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in self.query)
        elif self.query:
            request.params = self.query
        for name, value in self.headers:
            request.headers[name] = value
        if self.payload == "unsigned":
            request.context["client_config"] = types.SimpleNamespace(s3={"payload_signing_enabled": False})
        if self.payload == "trailer":
            request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
        credentials = botocore.credentials.Credentials(self.access_key, self.secret, self.token)
        botocore.auth.get_current_datetime = lambda: datetime.datetime.fromtimestamp(self.when, datetime.timezone.utc)
        # A body of a signed URL goes into its query in botocore; only its hash is wanted here.
        if self.presign:
            kind = botocore.auth.S3SigV4QueryAuth if self.is_s3 else botocore.auth.SigV4QueryAuth
            if not self.is_s3:
                kind = type("WithHash", (kind,), {"payload": lambda _, __: self.payload_hash})
                request.data = b""
            signer = kind(credentials, self.service, self.region, self.expires)
        else:
            signer = (botocore.auth.S3SigV4Auth if self.is_s3 else botocore.auth.SigV4Auth)(credentials, self.service, self.region)
        signer.add_auth(request)
        canonical = signer.canonical_request(request) if not self.presign else ""
        if self.presign:
            base, _, signature = request.url.rpartition("&X-Amz-Signature=")
            names = dict(p.split("=", 1) for p in urlsplit(base).query.split("&"))["X-Amz-SignedHeaders"].replace("%3B", ";")
            sent = sorted(p.partition("=")[::2] for p in urlsplit(base).query.split("&"))
        else:
            authorization = request.headers["Authorization"]
            signature = authorization.rpartition("Signature=")[2]
            names = authorization.partition("SignedHeaders=")[2].partition(",")[0]
            sent = [p.partition("=")[::2] for p in canonical.split("\n")[2].split("&") if p]
        return signature, names, quote(self.path, safe="/~"), "&".join(f"{n}={v}" for n, v in sent) + (f"&X-Amz-Signature={signature}" if self.presign else "")


started = time.time()
cases = [Case() for _ in range(COUNT)]
ours = subprocess.run([sys.argv[1]], input="\n".join(c.line() for c in cases) + "\n", capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
if len(ours) != COUNT:
    sys.exit(f"{COUNT} requests, {len(ours)} answers")
different = 0
kinds = {}
for case, answer in zip(cases, ours):
    expected = "\t".join(case.by_botocore())
    kind = ("signed URL" if case.presign else "header form") + (", S3" if case.is_s3 else ", normalised and doubly encoded") + (", token" if case.token else "")
    kinds[kind] = kinds.get(kind, 0) + 1
    if answer != expected:
        different += 1
        if different <= 5:
            print(f"different: {kind}: {vars(case)}\n  botocore {expected}\n  ours     {answer}")
for kind, count in sorted(kinds.items()):
    print(f"{count:6d} {kind}")
print(f"{COUNT} requests, {different} signatures differ from botocore {botocore.__version__}, {time.time() - started:.1f} s")
sys.exit(1 if different else 0)
