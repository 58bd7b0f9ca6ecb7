#!/usr/bin/env python3
"""Bad input, one table: every wrong configuration, option, storage text, credential, bucket, region, permission, host, full disk and read-only
folder gets the documented exit status and exactly one line that names the storage or thing and the mend; no secret is ever written.

Runs the command as a user without rights (nobody) when started by root.  FILEFERRY_BIN names the command.
"""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "servers"))
from servers import Moto, Seaweed  # noqa: E402

NOBODY = 65534
CANARY = "CANARY5d1f0secretNEVERshown"     # in every place where a secret can be
WORK = tempfile.mkdtemp(prefix="ferry-bad-")
BIN = os.path.join(WORK, "fileferry")
AS_NOBODY = dict(user=NOBODY, group=NOBODY, extra_groups=[]) if os.geteuid() == 0 else {}
failures = []
counts = {}
outputs = []          # everything that was printed


def own(path):
    if AS_NOBODY:
        for base, folders, files in os.walk(path):
            for name in [base] + [os.path.join(base, f) for f in files]:
                os.lchown(name, NOBODY, NOBODY)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FILEFERRY_", "RAILS_", "USE_S3", "SOURCE_S3"))}
    env.update(AWS_ACCESS_KEY_ID="bad-input", AWS_SECRET_ACCESS_KEY=CANARY, AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null",
               AWS_SHARED_CREDENTIALS_FILE="/dev/null", HOME=WORK, LC_ALL="C.UTF-8")
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


def case(kind, arguments, status, *wanted, env=None, config=None, cwd=None, stdin="", shell=None, lines=1):
    """One row: runs `fileferry arguments` and compares status, the number of error lines, and that each of `wanted` is in that line."""
    counts[kind] = counts.get(kind, 0) + 1
    folder = cwd or tempfile.mkdtemp(dir=WORK)
    if config is not None:
        os.makedirs(f"{folder}/config", exist_ok=True)
        with open(f"{folder}/config/storage.yml", "w") as f:
            f.write(config)
        os.chmod(f"{folder}/config/storage.yml", 0o600)
    if cwd is None:
        own(folder)
    command = ["bash", "-c", shell] if shell else [BIN, *arguments]
    log = f"{folder}/log"
    done = subprocess.run(command, cwd=folder, env=environment(FILEFERRY_LOG=log, **(env or {})), input=stdin, capture_output=True, text=True, timeout=120, errors="replace",
                          **AS_NOBODY)
    outputs.append(done.stdout + done.stderr)
    errors = [line for line in done.stderr.splitlines() if line.startswith("fileferry: ") and not line.startswith("fileferry: warning: ")]
    problems = []
    if done.returncode != status:
        problems.append(f"exit {done.returncode} instead of {status}")
    if len(errors) != lines:
        problems.append(f"{len(errors)} error lines instead of {lines}")
    for text in wanted:
        if not errors or not re.search(text, errors[-1]):
            problems.append(f"no /{text}/")
    if re.search(r"terminate called|what\(\)|std::|Traceback|\.cc:\d|core dumped|Assertion", done.stdout + done.stderr):
        problems.append("the words of a crash")
    if errors and errors[0].endswith("."):
        problems.append("ends in a full stop")
    if problems:
        failures.append(kind)
        print(f"FAILED {kind}: fileferry {' '.join(arguments) if not shell else shell}: {'; '.join(problems)}\n    stdout: {done.stdout[-600:]}\n    stderr: {done.stderr[-1500:]}", flush=True)
    elif os.environ.get("VERBOSE"):
        print(f"ok {kind}: {errors[-1] if errors else ''}")
    return done


class Answering:
    """A server that answers every request in one way."""

    def __init__(self, status, code="", headers=(), message="no"):
        body = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>".encode() if code else b""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def tree(name, files=3, size=1000):
    path = f"{WORK}/{name}"
    os.makedirs(f"{path}/sub")
    for i in range(files):
        with open(f"{path}/{'sub/' if i % 2 else ''}file {i}.txt", "wb") as f:
            f.write(bytes([65 + i % 26]) * size)
    own(path)
    return path


def configurations():
    kind, ls = "configuration", ["ls", "media:"]
    case(kind, ls, 2, r"config/storage\.yml:2", "buckt", "'bucket'", config="media:\n  buckt: acme\n  service: s3\n")
    case(kind, ls, 2, "media", "no service 'lokal'", "did you mean 'local'", config="media: { service: lokal, root: x }\n")
    case(kind, ls, 2, r"config/storage\.yml:3", config="media:\n  service: s3\n bucket: [\n")
    case(kind, ls, 2, r"config/storage\.yml:4", "region", "line 3", config="media:\n  service: s3\n  region: a\n  region: b\n  bucket: c\n")
    case(kind, ls, 2, r"config/storage\.yml:1", "MEDIA_ROOT is not set", "set it", config="media: { service: local, root: '${MEDIA_ROOT}' }\n")
    case(kind, ls, 2, r"config/storage\.yml:1", "credentials", "ENV", config="media: { service: S3, bucket: b, secret_access_key: <%= Rails.application.credentials.dig(:aws, :key) %> }\n")
    case(kind, ls, 2, r"config/storage\.yml:1", "layout", "activestorage", config="media: { service: local, root: x, layout: rails }\n")
    case(kind, ls, 2, "media", "bucket is missing", config="media: { service: s3, region: x }\n")
    case(kind, ls, 2, "media", "environment", "production", "-e", config="production:\n  media: { service: local, root: x }\n")
    case(kind, ["-e", "producton", "ls", "media:"], 2, "producton", "did you mean 'production'", config="production:\n  media: { service: local, root: x }\n")
    case(kind, ["-c", "none.yml", "ls", "media:"], 2, "none.yml", "no such file", "-c")
    case(kind, ["-c", ".", "ls", "media:"], 2, "folder", "name the file")
    case(kind, ["ls", "hybrid:"], 2, "hybrid", "later version", config="hybrid: { service: hybrid, read: [a], write: [a] }\na: { service: local, root: x }\n")
    case(kind, ["config", "validate"], 2, r"config/storage\.yml:1", "min_free", "size", config=f"media: {{ service: local, root: x, min_free: lots, url_secret: {CANARY} }}\n")


def options():
    kind, src = "option", tree("options")
    copy = ["copy", src, "./dst"]
    for more, wanted in [(["--transfer", "4"], ["--transfer", "did you mean --transfers"]), (["--transfers", "many"], ["--transfers", "1 to 1024"]), (["--transfers", "0"], ["--transfers", "1 to 1024"]),
                         (["--bwlimit", "fast"], ["--bwlimit", "10M"]), (["--overwrite", "maybe"], ["--overwrite", "never, changed, always"]), (["--window", "22-6"], ["--window", "22:00"]),
                         (["--shard", "4/4"], ["--shard", "0/4"]), (["--newer-than", "yesterday"], ["--newer-than", "7d"]), (["--min-size", "big"], ["--min-size", "10M|bytes"]),
                         (["--map", "re:(=>x"], ["--map"]), (["--filter-from", "none.txt"], ["none.txt", "--filter-from"]), (["--keys-from", "none.txt"], ["none.txt", "--keys-from"]),
                         (["--include", "a[b"], ["--include", r"a\[b"]), (["--delete-source"], ["--delete-source", "--yes"]), (["--archive", "./x"], ["--archive", "--delete-source"]),
                         (["--digest", "md4"], ["--digest", "md5"]), (["extra"], ["extra", "SRC DST"]), (["--limit"], ["--limit", "value"])]:
        case(kind, copy + more, 2, *wanted)
    case(kind, ["cpy", "a", "b"], 2, "cpy", "did you mean 'copy'|did you mean 'cp'")
    case(kind, ["sync", "media:"], 2, "sync")
    case(kind, ["rm", "--recursive", src], 2, "options", "--yes")
    case(kind, ["rollback", "--journal", "none.db"], 2, "none.db")
    case(kind, [], 2, "junk.db", "not a journal", "--journal", shell=f"echo this is no journal of anybody > junk.db; exec {BIN} status --journal junk.db")
    case(kind, ["migrate", "--journal", "no/such/j.db", src, "./dst"], 2, "no/such", "make it")
    case(kind, ["status"], 2, "journal", "--journal|migrate")
    case(kind, ["url", f"{src}/file 0.txt", "--expires", "8d"], 2, "--expires", "7d")


def storage_texts():
    kind = "storage text"
    for text, wanted in [("meda", ["meda", "./meda"]), ("s3://", ["s3://bucket"]), ("s4://acme", ["s4", "s3://"]), ("https://host/bucket", [r"https://host/bucket", r"s3://bucket"]),
                         ("s3://acme?regoin=x", ["regoin", "'region'"]), ("s3://a b/", ["a b", "bucket"]), ("file://host/x", ["file:///"]), ("s3://acme/%zz", ["%25"]), ("yadisk:/x", ["Yandex.Disk", "later"]),
                         ("s3://acme?path_style=maybe", ["path_style", "true"]), ("", ["empty"]), (f"s3://acme?secret_access_key={CANARY}", ["secret_access_key", "AWS_SECRET_ACCESS_KEY"]),
                         (f"s3://AKIA:{CANARY}@acme/x", ["secret", "AWS_SECRET_ACCESS_KEY"]), (f"s3://acme?endpoint=http://u:{CANARY}@host", ["secret"])]:
        case(kind, ["ls", text], 2, *wanted)
    case(kind, ["ls", "./nothing-here"], 3, "nothing-here", "check the name")
    case(kind, ["copy", "./nothing-here", "./dst"], 3, "nothing-here", "check the name")
    case(kind, ["stat", "./nothing-here/a.jpg"], 1, "nothing-here", "check the name")


def credentials(server, bucket):
    kind = "credential"
    s3 = f"s3://{bucket}?endpoint={server.endpoint}&region=us-east-1"
    case(kind, ["ls", s3], 3, f"s3://{bucket}", "access key|credentials", "check|known", env=dict(AWS_ACCESS_KEY_ID="nobody-knows", AWS_SECRET_ACCESS_KEY=CANARY))
    case(kind, ["ls", s3], 3, f"s3://{bucket}", "secret|signature", env=dict(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=CANARY))
    case(kind, ["ls", s3], 3, f"s3://{bucket}", "no credentials", "AWS_ACCESS_KEY_ID", env=dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None))
    case(kind, ["ls", s3 + "&profile=nobody"], 2, "nobody", "profile")
    case(kind, ["ls", "media:"], 2, "secret_access_key", config=f"media: {{ service: s3, bucket: b, access_key_id: K, region: r }}\n")
    case(kind, ["migrate", "--no-progress", tree("credentials"), s3], 3, f"s3://{bucket}", "secret|signature", env=dict(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=CANARY))
    case(kind, ["ls", "media:"], 3, "media", "secret|signature",
         config=f"media: {{ service: s3, bucket: {bucket}, region: us-east-1, endpoint: '{server.endpoint}', access_key_id: {server.access_key}, secret_access_key: {CANARY} }}\n")


def buckets(server, keys):
    kind, src = "bucket", tree("buckets")
    s3 = f"s3://there-is-none?endpoint={server.endpoint}&region=us-east-1"
    for command in (["ls", s3], ["copy", "--no-progress", src, s3], ["migrate", "--no-progress", src, s3], ["put", f"{src}/file 0.txt", s3.replace("?", "/x?")], ["plan", s3], ["check", s3]):
        case(kind, command, 3, "there-is-none", "bucket does not exist", "create it|check", env=keys)
    case(kind, ["ls", f"s3://UP_per%20case?endpoint={server.endpoint}"], 2, "cannot be the name of a bucket", env=keys)
    case(kind, ["copy", "--no-progress", s3, "./dst"], 3, "there-is-none", "bucket does not exist", env=keys)


def regions():
    kind = "region"
    with Answering(400, "AuthorizationHeaderMalformed", message="the region 'x' is wrong") as server:
        case(kind, ["ls", f"s3://acme?endpoint={server.endpoint}&region=nowhere-1"], 2, "s3://acme", "region", "set `region`")
    with Answering(301, "PermanentRedirect") as server:
        case(kind, ["ls", f"s3://acme?endpoint={server.endpoint}&region=eu-west-1"], 2, "s3://acme", "region", "set `region`")
    case(kind, ["ls", "s3://acme?region=eu%20west"], 2, "region", "eu")
    case(kind, ["ls", "s3://acme?region=eu-west-1%0d%0aX: y"], 2, "region")
    case(kind, ["ls", "media:"], 2, "region", "media|storage.yml", config="media: { service: s3, bucket: acme, region: 'eu/west' }\n")


def permissions(server_denies):
    kind, src = "permission", tree("permissions")
    s3 = f"s3://acme?endpoint={server_denies.endpoint}&region=us-east-1"
    for command in (["ls", s3], ["put", f"{src}/file 0.txt", s3.replace("?", "/x?")], ["copy", "--no-progress", src, s3], ["check", s3]):
        case(kind, command, 3, "s3://acme", "not allowed|may not|refuse|denied|permission", "rights|policy|grant|allow|permission")
    locked = f"{WORK}/locked"
    os.makedirs(f"{locked}/in")
    own(locked)
    os.chmod(f"{locked}/in", 0)
    case(kind, ["ls", f"{locked}/in"], 3, "locked/in", "ermission|denied")
    case(kind, ["put", f"{locked}/in/a.txt", "./dst/"], 2, "locked/in/a.txt", "ermission|denied|read")
    case(kind, ["-c", f"{locked}/in/storage.yml", "ls", "media:"], 2, "locked/in/storage.yml", "may not be read|ermission")
    unreadable = tree("unreadable")
    os.chmod(f"{unreadable}/file 0.txt", 0)
    case(kind, ["copy", "--no-progress", unreadable, "./dst"], 1, "file 0.txt", "ermission|denied")


def hosts():
    kind, src = "unreachable host", tree("hosts")
    refused = "s3://acme?endpoint=http://127.0.0.1:9&region=us-east-1&attempts=2"
    for command in (["ls", refused], ["copy", "--no-progress", src, refused], ["migrate", "--no-progress", src, refused], ["stat", refused.replace("?", "/x?")]):
        case(kind, command, 3, "s3://acme", "127.0.0.1:9", "check")
    case(kind, ["ls", "s3://acme?endpoint=http://no-such-host.invalid&region=us-east-1&attempts=2"], 3, "s3://acme", "no-such-host.invalid", "check")
    case(kind, ["ls", "s3://acme?endpoint=https://127.0.0.1:9&region=us-east-1&attempts=2"], 3, "s3://acme", "127.0.0.1:9", "check")
    case(kind, ["ls", "s3://acme?endpoint=ftp://127.0.0.1&region=us-east-1"], 2, "endpoint", "https?://")
    case(kind, ["ls", "s3://acme?endpoint=http://127.0.0.1:99999&region=us-east-1"], 2, "endpoint|port", "99999")


def full_disks():
    kind, src = "full disk", tree("full", files=20, size=200_000)
    large = f"{WORK}/large.bin"
    with open(large, "wb") as f:
        f.write(b"x" * 3_000_000)
    os.chmod(large, 0o644)

    def in_small(command):      # a file system of 1 MiB at ./small
        return f"mkdir -p small && exec unshare -Urm bash -c 'mount -t tmpfs -o size=1m none small && exec {command}'"
    for command in (f"{BIN} migrate --no-progress \"{src}\" small/dst", f"{BIN} copy --no-progress \"{src}\" small/dst"):
        case(kind, [], 4, "small", "space", shell=in_small(command))
    case(kind, [], 4, "small", "space", shell=in_small(f"{BIN} put {large} small/"))
    case(kind, [], 4, "small", "space", shell=in_small(f"{BIN} get {large} small/out"))
    case(kind, [], 4, "small", "space", shell=in_small(f"{BIN} cp {large} small/"))
    case(kind, [], 4, "journal", "make room", shell=in_small(f"sh -c \"head -c 1048576 /dev/zero > small/fill 2>/dev/null; exec {BIN} migrate --no-progress --journal small/j.db {src} ./dst\""))
    case(kind, [], 1, "standard output", "space", shell=f"{BIN} ls -r '{src}' > /dev/full")
    case(kind, ["put", large, "media:"], 4, "media", "free", config=f"media: {{ service: local, root: m, min_free: 100000G }}\n")


def read_only_folders():
    kind, src = "read-only folder", tree("readonly")
    fixed = f"{WORK}/fixed"
    os.makedirs(fixed)
    with open(f"{fixed}/a.txt", "w") as f:
        f.write("a")
    own(fixed)
    os.chmod(fixed, 0o555)
    for command in (["put", f"{src}/file 0.txt", f"{fixed}/x/"], ["cp", f"{src}/file 0.txt", f"{fixed}/"], ["rm", f"{fixed}/a.txt"]):
        case(kind, command, 3, "fixed", "ermission|read-only|denied")
    for command in (["copy", "--no-progress", src, fixed], ["migrate", "--no-progress", src, fixed]):
        case(kind, command, 3, "fixed", "ermission|read-only|denied")
    case(kind, ["get", f"{src}/file 0.txt", f"{fixed}/out"], 3, "/fixed", "ermission|read-only|denied")
    case(kind, ["--log", f"{fixed}/log", "ls", src], 2, "fixed/log", "--log")
    case(kind, ["migrate", "--no-progress", "--journal", f"{fixed}/j.db", src, "./dst"], 3, "fixed/j.db", "ermission|denied")
    case(kind, ["put", f"{src}/file 0.txt", "media:"], 3, "media", "reading only|read-only", config=f"media: {{ service: local, root: m, read_only: true }}\n")


def no_secret_anywhere():
    """The canary is in no output, log, journal or write-ahead log of all that ran."""
    found = [text for text in outputs if CANARY in text]
    files = 0
    for base, folders, names in os.walk(WORK):
        for name in names:
            path = os.path.join(base, name)
            if base.endswith("/config") or os.path.islink(path):      # written by this test
                continue
            files += 1
            try:
                with open(path, "rb") as f:
                    if CANARY.encode() in f.read():
                        found.append(path)
            except OSError:
                pass
    if found or files < 20:
        failures.append("secret")
        print(f"FAILED secret: the canary is in {found[:5]}; {files} files were read")


def main():
    os.chmod(WORK, 0o755)
    shutil.copy(os.environ.get("FILEFERRY_BIN", os.path.join(ROOT, "build", "release", "src", "cli", "fileferry")), BIN)
    os.chmod(BIN, 0o755)
    if AS_NOBODY:
        os.chown(WORK, NOBODY, NOBODY)
    configurations()
    options()
    storage_texts()
    regions()
    hosts()
    full_disks()
    read_only_folders()
    with Answering(403, "AccessDenied", message="Access Denied") as server:
        permissions(server)
    with Seaweed() as server:
        credentials(server, server.bucket("credentials"))
    with Moto() as server:
        server.bucket("exists")
        buckets(server, dict(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key))
    no_secret_anywhere()
    for kind, count in counts.items():
        if count < 4:
            failures.append(kind)
            print(f"FAILED {kind}: only {count} cases")
    print(f"{sum(counts.values())} cases of {len(counts)} kinds, {len(failures)} failed: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()))
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        status = main()
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", WORK], check=False)
        shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(status)
