"""What the end-to-end tests share: running the command, comparing trees, an in-memory endpoint that counts.

The command is FILEFERRY_BIN (tests/run.sh sets it), else build/release/src/cli/fileferry.  Everything listens on loopback, on free
ports, and is stopped by pid.
"""
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "servers"))
BIN = os.environ.get("FILEFERRY_BIN", os.path.join(ROOT, "build", "release", "src", "cli", "fileferry"))
ACCESS_KEY, SECRET_KEY = "testkey", "testsecret"


def environment(**more):
    """A clean environment: nothing of the caller's AWS or fileferry settings gets in."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FILEFERRY_", "RCLONE_"))}
    env.update(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_EC2_METADATA_DISABLED="true",
               AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
    env.update({k: str(v) for k, v in more.items()})
    return env


class Done:
    def __init__(self, completed):
        self.code, self.out, self.err = completed.returncode, completed.stdout, completed.stderr

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[-4000:]}\n--- stderr\n{self.err[-4000:]}"


def ferry(*arguments, cwd=None, env=None, expect=0, timeout=600, stdin=None):
    """Runs the command; `expect` is the exit status (or a tuple of them, or None for any)."""
    done = Done(subprocess.run([BIN, *map(str, arguments)], cwd=cwd, env=env or environment(), capture_output=True, text=True, errors="surrogateescape",
                               timeout=timeout, input=stdin))
    if expect is not None:
        wanted = expect if isinstance(expect, tuple) else (expect,)
        assert done.code in wanted, f"fileferry {' '.join(map(str, arguments))}: expected exit {expect}, got {done}"
    return done


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def hashes(folder, links=False):
    """relative path -> (size, SHA-256), for every regular file; hidden .fileferry folders are left out."""
    found = {}
    for base, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f != ".fileferry"]
        for name in files:
            path = os.path.join(base, name)
            if os.path.islink(path) and not links:
                continue
            digest = hashlib.sha256()
            with open(path, "rb") as f:
                while block := f.read(1 << 20):
                    digest.update(block)
            found[os.path.relpath(path, folder)] = (os.path.getsize(path), digest.hexdigest())
    return found


def check_same(got, expected, where):
    """Two results of hashes(): says what is missing, too much or different."""
    missing, extra = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
    other = sorted(k for k in set(got) & set(expected) if got[k] != expected[k])
    check(not (missing or extra or other), f"{where}: {len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}, {len(other)} different "
          f"{[(k, got[k], expected[k]) for k in other[:3]]}")


def leftovers(folder):
    """Files below a folder that no user put there: temporary files and everything hidden of ours that should be gone."""
    found = []
    for base, folders, files in os.walk(folder):
        for name in files:
            path = os.path.relpath(os.path.join(base, name), folder)
            if ".fileferry" in path.split(os.sep) or ".fileferry" in name:
                found.append(path)
    return found


def make_tree(folder, files=1000, size=4096, seed=1, big=0, big_size=64 << 20):
    """A tree of `files` small files in folders, and `big` large ones; the same bytes for the same seed."""
    rng = random.Random(seed)
    for i in range(files):
        path = os.path.join(folder, f"album-{i % 25:02d}", f"picture {i:05d}.jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(rng.randbytes(rng.randrange(0, 2 * size)))
    for i in range(big):
        os.makedirs(os.path.join(folder, "video"), exist_ok=True)
        with open(os.path.join(folder, "video", f"film {i}.mp4"), "wb") as f:
            for _ in range(big_size >> 20):
                f.write(rng.randbytes(1 << 20))
            f.write(b"end")


@contextlib.contextmanager
def workspace(name, base=None):
    base = base or os.environ.get("FILEFERRY_TEST_TMP") or tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix=f"fileferry-{name}-", dir=base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Sinkd:
    """The in-memory endpoint of tests/bench, which counts what it receives."""

    def __init__(self, buckets=("bucket",), binary_folder=None):
        folder = binary_folder or os.path.join(ROOT, "build", "sinkd")
        os.makedirs(folder, exist_ok=True)
        source = os.path.join(ROOT, "tests", "bench", "sinkd", "sinkd.cpp")
        binary = os.path.join(folder, "sinkd-" + hashlib.sha256(open(source, "rb").read()).hexdigest()[:16])
        if not os.path.exists(binary):
            new = f"{binary}.{os.getpid()}.{threading.get_ident()}"
            subprocess.run(["g++", "-std=c++20", "-O2", "-w", source, "-o", new, "-lcrypto"], check=True)
            os.rename(new, binary)
        self.binary, self.buckets = binary, buckets

    def __enter__(self):
        self.port = free_port()
        arguments = [self.binary, "-port", str(self.port)]
        for bucket in self.buckets:
            arguments += ["-bucket", bucket]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            time.sleep(0.05)
        raise RuntimeError("the in-memory endpoint did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def stats(self):
        with urllib.request.urlopen(self.endpoint + "/_sinkd/stats", timeout=30) as answer:
            return json.load(answer)

    def post(self, path):
        urllib.request.urlopen(urllib.request.Request(self.endpoint + path, method="POST"), timeout=120).read()

    def text(self, bucket="bucket", prefix="", **parameters):
        return s3_text(self.endpoint, bucket, prefix, **parameters)


def s3_text(endpoint, bucket, prefix="", **parameters):
    query = "".join(f"&{k}={v}" for k, v in parameters.items())
    return f"s3://{bucket}/{prefix}?endpoint={endpoint}&region=us-east-1&path_style=true{query}"


def boto(endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    import boto3
    from botocore.config import Config
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=access_key, aws_secret_access_key=secret_key,
                        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}))


def rclone(*arguments, endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, provider="Other", check_status=True):
    """rclone with one remote "S:" at endpoint."""
    env = environment(RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_S_TYPE="s3", RCLONE_CONFIG_S_PROVIDER=provider, RCLONE_CONFIG_S_ACCESS_KEY_ID=access_key,
                      RCLONE_CONFIG_S_SECRET_ACCESS_KEY=secret_key, RCLONE_CONFIG_S_REGION="us-east-1", RCLONE_CONFIG_S_ENDPOINT=endpoint,
                      RCLONE_CONFIG_S_FORCE_PATH_STYLE="true")
    done = Done(subprocess.run(["rclone", *map(str, arguments)], env=env, capture_output=True, text=True, errors="surrogateescape", timeout=900))
    if check_status:
        assert done.code == 0, f"rclone {' '.join(map(str, arguments))}: {done}"
    return done


def main(*cases):
    """Runs the cases (functions without arguments) and prints a line for each; the names on the command line choose."""
    chosen = [c for c in cases if len(sys.argv) < 2 or c.__name__ in sys.argv[1:]]
    failed = 0
    for case in chosen:
        started = time.time()
        try:
            figures = case() or ""
            print(f"ok   {case.__name__} ({time.time() - started:.1f} s) {figures}", flush=True)
        except Exception as error:  # noqa: BLE001: reported, and the exit status tells
            failed += 1
            print(f"FAIL {case.__name__} ({time.time() - started:.1f} s): {type(error).__name__}: {error}", flush=True)
            if not isinstance(error, AssertionError):
                import traceback
                traceback.print_exc()
    sys.exit(1 if failed or not chosen else 0)
