#!/usr/bin/env python3
"""The commands as a user types them, over a folder and over a real S3 server: what they print, their JSON, pipes, terminals, signals and questions."""
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "servers"))
from servers import Seaweed  # noqa: E402

BIN = os.environ.get("FILEFERRY_BIN", os.path.join(ROOT, "build", "release", "src", "cli", "fileferry"))
WORK = tempfile.mkdtemp(prefix="ferry-cli-")
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FILEFERRY_", "RAILS_", "USE_S3", "SOURCE_S3"))}
ENV.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", LC_ALL="C.UTF-8", TERM="xterm")
failures = 0
checks = 0


def check(condition, message):
    global failures, checks
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {message}", flush=True)


def ferry(*arguments, expect=0, stdin=b"", cwd=WORK, env=None):
    done = subprocess.run([BIN, *arguments], input=stdin, capture_output=True, cwd=cwd, env={**ENV, **(env or {})}, timeout=120)
    done.out, done.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    check(done.returncode in (expect if isinstance(expect, tuple) else (expect,)), f"fileferry {' '.join(arguments)}: exit {done.returncode} instead of {expect}\n    {done.out[-500:]}\n    {done.err[-500:]}")
    return done


def as_json(done):
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        check(False, f"no JSON document: {error}: {done.out[:300]}")
        return {}


def objects_of(storage, label):
    """`storage` is a text that a path can be put into with {}."""
    at = lambda path="": storage.format(path)
    with open(f"{WORK}/report.csv", "w") as f:
        f.write("a,b\n1,2\n")
    os.utime(f"{WORK}/report.csv", ns=(1_700_000_000_123_456_000, 1_700_000_000_123_456_000))
    ferry("put", "report.csv", at("2026/"))
    ferry("put", "--meta", "owner=ann", "--content-type", "text/x-own", "--cache-control", "max-age=60", "-", at("2026/ü name.bin"), stdin=b"\x00\x01" * 1000)
    ferry("put", "--if-absent", "report.csv", at("2026/report.csv"), expect=1)
    info = as_json(ferry("--json", "stat", at("2026/report.csv")))
    check(info.get("size") == 8 and info.get("content_type", "").startswith("text/csv") and info.get("mtime") == "2023-11-14T22:13:20Z", f"{label}: stat: {info}")
    info = as_json(ferry("--json", "stat", at("2026/ü name.bin")))
    check(info.get("metadata") == {"owner": "ann"} and info.get("cache_control") == "max-age=60" and info.get("content_type") == "text/x-own", f"{label}: properties: {info}")
    check("owner" in ferry("stat", at("2026/ü name.bin")).out, f"{label}: stat for people")
    check(ferry("ls", at()).out == "2026/\n", f"{label}: ls")
    check(ferry("ls", "-r", at()).out == "2026/report.csv\n2026/ü name.bin\n", f"{label}: ls -r")
    check(ferry("ls", at("2026/")).out == "report.csv\nü name.bin\n", f"{label}: ls folder")
    check(ferry("ls", at("2026")).out == "report.csv\nü name.bin\n", f"{label}: ls folder without slash")
    check(ferry("ls", "-r", "-0", at()).stdout == "2026/report.csv\0002026/ü name.bin\0".encode(), f"{label}: ls -0")
    check(re.fullmatch(r" +8  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  report.csv\n", ferry("ls", "-l", at("2026/report.csv")).out), f"{label}: ls -l of one object")
    listed = as_json(ferry("--json", "ls", "-r", at()))
    check([o["key"] for o in listed.get("objects", [])] == ["2026/report.csv", "2026/ü name.bin"] and listed.get("count") == 2 and listed.get("bytes") == 2008, f"{label}: {listed}")
    check(ferry("ls", at("nothing/"), expect=(1, 3)).err.count("\n") == 1, f"{label}: ls of nothing")
    check(ferry("cat", at("2026/report.csv")).stdout == b"a,b\n1,2\n", f"{label}: cat")
    check(ferry("cat", "--offset", "2", "--length", "3", at("2026/report.csv")).stdout == b"b\n1", f"{label}: cat of a range")
    ferry("get", at("2026/report.csv"), "got.csv")
    check(open(f"{WORK}/got.csv").read() == "a,b\n1,2\n", f"{label}: get")
    check(ferry("get", at("2026/ü name.bin"), "-").stdout == b"\x00\x01" * 1000, f"{label}: get to standard output")
    ferry("stat", at("2026/none"), expect=1)
    ferry("get", at("2026/none"), expect=1)
    ferry("cp", at("2026/report.csv"), at("copies/"))
    check(ferry("cat", at("copies/report.csv")).stdout == b"a,b\n1,2\n", f"{label}: cp")
    stats = as_json(ferry("--json", "stats", at()))
    check(stats.get("objects") == 3 and stats.get("bytes") == 2016, f"{label}: stats: {stats}")
    check("3 objects" in ferry("stats", at()).out, f"{label}: stats for people")
    check("ok" in ferry("check", at()).out, f"{label}: check")
    bucket = label == "S3"  # what lies in .fileferry/ of a folder that is named itself is no object of it
    trash = ["copies/.fileferry/trash/1/a"] + ([".fileferry/trash/1/a"] if bucket else [])
    for key in trash:
        ferry("put", "report.csv", at(key))
    check(ferry("ls", at()).out == "2026/\ncopies/\n", f"{label}: ls hides the trash: {ferry('ls', at()).out}")
    check(ferry("ls", "-r", at()).out == "2026/report.csv\n2026/ü name.bin\ncopies/report.csv\n", f"{label}: ls -r hides the trash")
    check(ferry("ls", at("copies/")).out == "report.csv\n", f"{label}: ls hides the trash below")
    check(("copies/.fileferry/trash/1/a\n" in ferry("ls", "-r", "--hidden", at()).out), f"{label}: ls -r --hidden")
    if bucket:
        check(sorted(ferry("ls", "--hidden", at("copies/")).out.split()) == [".fileferry/", "report.csv"], f"{label}: ls --hidden")
    check(ferry("ls", "-r", at("copies/.fileferry/trash/")).out == "1/a\n", f"{label}: ls of the trash by its name")
    stats = as_json(ferry("--json", "stats", at()))
    check(stats.get("objects") == 3 and stats.get("trash") == {"objects": len(trash), "bytes": 8 * len(trash)}, f"{label}: stats counts the trash apart: {stats}")
    ferry("put", "report.csv", at("copies/.fileferry/mine"))
    if bucket:
        check(sorted(ferry("ls", at("copies/")).out.split()) == [".fileferry/", "report.csv"], f"{label}: a user's object in .fileferry/ shows")
    for key in trash + ["copies/.fileferry/mine"]:
        ferry("rm", at(key))
    ferry("rm", at("copies"), expect=2)
    ferry("rm", "-r", at("copies/"), expect=2)
    ferry("rm", at("copies/none"), expect=1)
    ferry("rm", at("copies/report.csv"))
    ferry("rm", "-r", "--yes", at("2026/"))
    check(ferry("ls", "-r", at(), expect=0).out == "", f"{label}: all is removed")


def keys_that_cannot_be_held():
    os.makedirs(f"{WORK}/unheld")
    for i in range(150):
        open(f"{WORK}/unheld/name {i:03d}", "w").close()
    mapped = ["--map", "prefix+" + "x" * 1020, "./unheld", "./never"]
    named = lambda text: set(re.findall(r"name \d{3}(?=:)", text))
    check(len(named(ferry("plan", *mapped).out)) == 150, "plan names every key that cannot be held")
    check(len(as_json(ferry("--json", "plan", *mapped)).get("refused_keys", [])) == 150, "plan --json, too")
    for command in ("migrate", "copy"):
        check(len(named(ferry(command, "--dry-run", *mapped, expect=1).err)) == 150, f"{command} --dry-run names every key that cannot be held")
    done = ferry("copy", *mapped, expect=1)
    check(len(named(done.err)) == 20 and "150  refused" in done.out, f"a run names the first: {done.err[-300:]}")
    check(not os.path.exists(f"{WORK}/never") or not os.listdir(f"{WORK}/never"), "nothing was written")


def stops_while_it_waits():
    """The first signal reaches what waits for a person or for another program, and leaves nothing behind."""
    os.makedirs(f"{WORK}/waits")
    process = subprocess.Popen([BIN, "put", "-", "./waits/x"], cwd=WORK, env=ENV, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"begun")
    process.stdin.flush()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    try:
        check(process.wait(10) == 4, f"put - is stopped: exit {process.returncode}")
    except subprocess.TimeoutExpired:
        process.kill()
        check(False, "put - goes on waiting after a signal")
    check(os.listdir(f"{WORK}/waits") == [], f"put - leaves nothing: {os.listdir(f'{WORK}/waits')}")
    open(f"{WORK}/waits/stays", "w").close()
    text = terminal(["rm", "-r", "./waits"], wait_for=b"Type yes")
    check(terminal.status == 4 and "nothing was done" in text and os.path.exists(f"{WORK}/waits/stays"), f"Ctrl-C at a question: {terminal.status} {text}")
    os.mkfifo(f"{WORK}/log pipe")
    check("nobody reads" in ferry("--log", "log pipe", "ls", "./waits", expect=2).err, "a log that is a pipe without a reader")


def json_documents():
    """One document, also of what fails."""
    nowhere = "s3://b?endpoint=http://127.0.0.1:1"
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.makedirs(f"{WORK}/documents")
    for name in ("a", "b"):
        open(f"{WORK}/documents/{name}", "w").close()
    for words in (["ls", "-r", nowhere], ["stats", nowhere], ["plan", nowhere], ["missing", "./documents", nowhere], ["copy", "./documents", nowhere], ["get", "./documents/none"],
                  ["url", "./documents/a"], ["status"], ["report"], ["put", "./documents/none", "./documents/c"], ["ls", "./documents/none/"]):
        document = as_json(ferry("--json", *words, expect=(1, 2, 3), cwd=f"{WORK}/documents" if words[0] in ("status", "report") else WORK, env=env))
        check(document.get("result", {}).get("ok") is False and document["result"].get("message"), f"--json {words}: {document}")
    check(ferry("--json", "cat", "./documents/a", "./documents/none", expect=1).out == "", "cat writes bytes and no document")
    with open(f"{WORK}/documents/large", "wb") as f:
        f.write(b"x" * (2 << 20))
    lines = ferry("--json", "--progress", "copy", "--bwlimit", "1M", "--stats-interval", "200ms", "./documents", "./documents-copy").err.splitlines()
    states = [json.loads(line) for line in lines]
    check(len(states) > 2 and all("phase" in s and "share" in s and "ended" in s for s in states), f"--json --progress: a document a line: {lines[:3]}")
    check(ferry("--json", "copy", "--bwlimit", "10M", "./documents", "./documents-copy2").err == "", "--json alone is quiet")
    for bad in ("abc", "-3", "0", "99ms"):
        check("--stats-interval" in ferry("copy", "--stats-interval", bad, "./documents", "./documents-copy3", expect=2).err, f"--stats-interval {bad}")


def what_is_missing():
    for path in ("left/a", "left/b", "right/a"):
        os.makedirs(os.path.dirname(f"{WORK}/{path}"), exist_ok=True)
        open(f"{WORK}/{path}", "w").close()
    check(ferry("missing", "./left", "./right", expect=1).out == "b\n", "missing names what the destination lacks")
    check("nothing is missing" in ferry("missing", "./right", "./left").err, "missing nothing")
    done = ferry("missing", "--map", "prefix-zzz/", "./left", "./right", expect=1)
    check("nothing is missing" not in done.err and "could not be compared" in done.err and "a: refused" in done.err, f"missing: keys that cannot be mapped: {done.err}")
    with open(f"{WORK}/left-keys", "w") as f:
        f.write("a\nnot there\n")
    done = ferry("missing", "--keys-from", "left-keys", "./left", "./right", expect=1)
    check("not there: missing at source" in done.err, f"missing: a listed key that the source lacks: {done.err}")
    check(as_json(ferry("--json", "missing", "--keys-from", "left-keys", "./left", "./right", expect=1)).get("uncompared") == 1, "missing --json")


def a_long_list_of_what_is_missing():
    os.makedirs(f"{WORK}/long/deep")
    names = [f"deep/{i:05}" for i in range(10500)]
    for name in names:
        open(f"{WORK}/long/{name}", "w").close()
    os.makedirs(f"{WORK}/long-there")
    check(sorted(ferry("missing", "./long", "./long-there", expect=1).out.split()) == names, "missing: not every key of a long list")
    document = as_json(ferry("--json", "missing", "./long", "./long-there", expect=1))
    check(document["count"] == len(names) and sorted(each["key"] for each in document["missing"]) == names and document["result"]["ok"], "missing: the document of a long list")


def shared_options():
    os.makedirs(f"{WORK}/shared")
    for name in "abcde":
        with open(f"{WORK}/shared/{name}", "w") as f:
            f.write(name)
    move = ["--transfers", "4", "--overwrite", "changed", "--delete-source", "--archive", "./kept", "--preserve", "tags", "--limit", "3", "--batch-size", "10", "--journal", "shared.db", "--dry-run"]
    for command in ("plan", "missing"):
        done = ferry(command, *move, "./shared", "./shared-there", expect=0 if command == "plan" else 1)
        check("--delete-source says nothing to " + command in done.err and not os.path.exists(f"{WORK}/shared.db"), f"{command}: what the options of a move mean: {done.err}")
    check(ferry("plan", "--limit", "3", "./shared", "./shared-there").out.startswith("3 objects"), "plan --limit")
    check(len(ferry("missing", "--limit", "3", "./shared", "./shared-there", expect=1).out.split()) == 3, "missing --limit")
    for command in ("copy", "migrate"):
        done = ferry(command, "--dry-run", "--map", "prefix+x/", "--exclude", "e", "./shared", "./shared-there")
        check(sorted(line for line in done.out.splitlines() if line.startswith("would")) == [f"would copy {name} to x/{name} (1 B)" for name in "abcd"], f"{command} --dry-run: {done.out}")
        check([each["key"] for each in as_json(ferry("--json", command, "--dry-run", "./shared", "./shared-there"))["operations"]] == list("abcde"), f"{command} --dry-run --json")
    check(not os.path.exists(f"{WORK}/shared-there"), "a dry run has made a folder")
    ferry("migrate", "--limit", "2", "./shared", "./shared-there")
    check(ferry("verify", "--limit", "4", "--delete-source", "./shared", "./shared-there", expect=1).err.count("missing at destination") == 2, "verify --limit")
    check(ferry("verify", "./shared", "./shared-there", expect=1).err.count("missing at destination") == 3, "verify after a trial compares everything")
    ferry("verify", "--limit", "2", expect=2)
    check(sorted(os.listdir(f"{WORK}/shared")) == list("abcde"), "a command that looks has removed something")


def what_a_plan_says():
    os.makedirs(f"{WORK}/planned")
    with open(f"{WORK}/planned/a", "wb") as f:
        f.write(b"x" * (1 << 20))
    check("10s at 100 KiB/s" in ferry("plan", "--bwlimit", "100", "./planned", "./planned-copy").out, f"plan takes a bare rate as a run does: {ferry('plan', '--bwlimit', '100', './planned').out}")
    ferry("copy", "./planned", "./planned-copy")
    done = ferry("plan", "--bwlimit", "1M", "./planned", "./planned-copy")
    check("time: 0s at 1 MiB/s" in done.out, f"plan of what is there already: {done.out}")
    check(as_json(ferry("--json", "plan", "./planned", "./planned-copy")).get("left") == 0, "plan --json: nothing is left")
    with open(f"{WORK}/planned-keys", "wb") as f:
        f.write(b"a\n\xff\n")
    done = as_json(ferry("--json", "plan", "--keys-from", "planned-keys", "./planned", "./planned-copy"))
    check(done.get("refused") == 1 and done.get("already_there") == 1, f"plan: a line that is no key is refused alone: {done}")


def pipes():
    os.makedirs(f"{WORK}/many")
    for i in range(3000):
        open(f"{WORK}/many/a name that is long enough to fill pipes {i:05d}.txt", "w").close()
    done = subprocess.run(["bash", "-c", f"set -o pipefail; '{BIN}' ls -r ./many | head -1; echo ${{PIPESTATUS[0]}}"], cwd=WORK, env=ENV, capture_output=True, text=True, timeout=60)
    check(done.stderr == "", f"| head is quiet: {done.stderr}")
    with open(f"{WORK}/many/one\nline\x1b[31m", "w"):
        pass
    check(ferry("ls", "./many").stdout.count(b"\x1b[31m") == 1, "keys go to a pipe as they are")
    check("\x1b[31m" not in terminal(["ls", "./many"]), "control characters reach the terminal")


def terminal(arguments, send=b"", size=(24, 60), wait_for=None, stop_after=None, env=None):
    """Runs the command on a terminal of its own and answers what it printed."""
    import fcntl
    import struct
    import termios
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen([BIN, *arguments], cwd=WORK, env={**ENV, **(env or {})}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    text, sent, started = b"", False, time.time()
    while time.time() - started < 60:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                block = os.read(master, 65536)
            except OSError:
                break
            if not block:
                break
            text += block
        elif process.poll() is not None:
            break
        if not sent and wait_for and wait_for in text:
            os.write(master, send) if send else process.send_signal(signal.SIGINT)
            sent = True
        if stop_after and text.count(stop_after) >= 2:
            process.send_signal(signal.SIGINT)
            stop_after = None
    process.wait(timeout=30)
    os.close(master)
    terminal.status = process.returncode
    return text.decode(errors="replace")


def questions():
    os.makedirs(f"{WORK}/ask/x")
    open(f"{WORK}/ask/x/a", "w").close()
    said = terminal(["rm", "-r", "./ask/x/"], send=b"no\n", wait_for=b"yes to go on")
    check(terminal.status == 2 and os.path.exists(f"{WORK}/ask/x/a"), f"no is no: {said}")
    terminal(["rm", "-r", "./ask/x/"], send=b"yes\n", wait_for=b"yes to go on")
    check(terminal.status == 0 and not os.path.exists(f"{WORK}/ask/x/a"), "yes is yes")


def progress_on_a_terminal():
    os.makedirs(f"{WORK}/slow")
    for i in range(60):
        with open(f"{WORK}/slow/picture with quite a long name {i:03d}.jpg", "wb") as f:
            f.write(os.urandom(100_000))
    text = terminal(["copy", "--bwlimit", "3M", "./slow", "./slow-copy"], size=(24, 60))
    check(terminal.status == 0, f"copy on a terminal: {text[-500:]}")
    check("\x1b[?25l" in text and text.rstrip().find("\x1b[?25h") > text.find("\x1b[?25l"), "the cursor is hidden and shown again")
    check(re.search(r"\x1b\[\d+A", text), "the block is redrawn in place")
    for line in re.split(r"[\r\n]+", text):
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)
        check(len(shown) <= 60 or "object" in shown or "fileferry" in shown, f"too wide for the terminal: {shown!r}")
    text = terminal(["copy", "--bwlimit", "1M", "./slow", "./slow-copy2"], stop_after=b"\x1b[?25l", size=(24, 80))
    lines = ferry("copy", "--bwlimit", "3M", "--stats-interval", "300ms", "./slow", "./slow-copy3").err.splitlines()
    check(sum(1 for line in lines if re.match(r"\w[\w ]*: [\d,]+ of", line)) >= 2 and not any("\x1b" in line for line in lines), f"plain lines without a terminal: {lines}")
    check("\x1b" not in ferry("copy", "--no-progress", "./slow", "./slow-copy3").err, "--no-progress")
    check(ferry("-q", "copy", "./slow", "./slow-copy4").err == "", "--quiet says nothing")


def signals():
    process = subprocess.Popen([BIN, "migrate", "--no-progress", "--bwlimit", "1M", "./slow", "./stopped"], cwd=WORK, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    check(process.returncode == 4 and "to go on: fileferry migrate --no-progress --bwlimit 1M ./slow ./stopped" in err, f"first signal: {process.returncode} {err}")
    check("paused" in out or "stopped" in out or "objects" in out, f"what was done is told: {out}")
    ferry("--json", "migrate", "--no-progress", "./slow", "./stopped")
    state = as_json(ferry("--json", "status"))
    check(state.get("running") is False and state.get("listed") == 60, f"status: {state}")
    report = as_json(ferry("--json", "report", "--all"))
    check(len(report.get("objects_listed", [])) == 60, f"report: {str(report)[:300]}")
    check("no problems" in ferry("report").out, "report without problems")
    ferry("report", "--outcome", "verifid", expect=2)
    ferry("rollback", expect=2)
    ferry("rollback", "--yes")
    check(not [f for f in os.listdir(f"{WORK}/stopped") if not f.startswith(".")], "rollback took it back")


def configuration():
    os.makedirs(f"{WORK}/app/config", exist_ok=True)
    with open(f"{WORK}/app/config/storage.yml", "w") as f:
        f.write("media: { service: local, root: media }\ncloud: { service: s3, bucket: b, region: r, access_key_id: K, secret_access_key: topsecret, "
                "public_url: 'https://cdn.example/x?token=topsecret' }\n")
    app = f"{WORK}/app"
    shown = ferry("config", "show", "--origin", cwd=app)
    check("topsecret" not in shown.out + shown.err and "https://cdn.example/x?(hidden)" in shown.out and "config/storage.yml:2" in shown.out and f"{app}/media" in shown.out, shown.out)
    document = as_json(ferry("--json", "config", "show", cwd=app))
    check(document["storages"]["cloud"]["secret_access_key"] == "(hidden)", str(document))
    check("2 storages, no errors" in ferry("config", "validate", cwd=app).out, "validate")
    ferry("put", f"{WORK}/report.csv", "media:a/", cwd=app)
    check(ferry("-c", "app/config/storage.yml", "ls", "-r", "media:").out == "a/report.csv\n", "the root of the configuration is the application's, wherever the command runs")
    check(ferry("config", "show", env={"FILEFERRY_CONFIG": f"{app}/config/storage.yml"}).out.startswith(f"# {app}"), "FILEFERRY_CONFIG")
    # log
    ferry("--log", "own.log", "ls", "./many")
    log = open(f"{WORK}/own.log").read()
    check("list" in log and os.stat(f"{WORK}/own.log").st_mode & 0o77 == 0, "the log holds each request and belongs to its user")


def what_a_configuration_lacks():
    path = f"{WORK}/wrong.yml"
    with open(path, "w") as f:
        f.write("""user: { service: s3, bucket: acme, endpoint: "https://user:canary@host" }
odd: { service: s3, bucket: acme, endpoint: "not a url" }
loud: { service: s3, bucket: "UPPER case", region: us-east-1 }
modes: { service: local, root: /srv, file_mode: "999" }
round: { service: local, root: /srv, fallback: round }
alone: { service: local, root: /srv, fallback: nobody }
good: { service: local, root: /srv, fallback: modes }
""")
    done = ferry("-c", path, "config", "validate", expect=2)
    lines = done.err.splitlines()
    for name, key in (("user", "endpoint"), ("odd", "endpoint"), ("loud", "bucket"), ("modes", "file_mode"), ("round", "fallback"), ("alone", "fallback")):
        check(sum(f"'{name}'" in line and key in line for line in lines) == 1, f"config validate: {name}: {key}: {done.err}")
    check(len(lines) == 6 and "canary" not in done.err, f"config validate: {done.err}")


def moves(storage):
    to = storage.format("tree")
    first = as_json(ferry("--json", "copy", "--no-progress", "./slow", to))
    check(sum(first["objects"].values()) == 60 and first["bytes_moved"] >= 6_000_000, f"copy: {first['objects']}")
    again = as_json(ferry("--json", "copy", "--no-progress", "./slow", to))
    check(again["bytes_moved"] == 0, "a second copy moves nothing")
    ferry("copy", "--no-progress", to, "./back")
    digest = lambda folder: {n: hashlib.sha256(open(f"{WORK}/{folder}/{n}", "rb").read()).hexdigest() for n in os.listdir(f"{WORK}/{folder}") if not n.startswith(".")}
    check(digest("slow") == digest("back"), "there and back")
    name = sorted(digest("slow"))[0]
    ferry("copy", "--no-progress", storage.format("tree/" + name.replace(" ", "%20")), "./one.jpg")
    check(open(f"{WORK}/one.jpg", "rb").read() == open(f"{WORK}/slow/{name}", "rb").read(), "one object into a file")
    ferry("verify", "./slow", to)
    os.remove(f"{WORK}/back/{name}")
    missing = ferry("missing", to, "./back", expect=1)
    check(missing.out == name + "\n", f"missing: {missing.out}")
    ferry("verify", to, "./back", expect=1)
    plan = as_json(ferry("--json", "plan", "./slow", "./back"))
    check(plan.get("objects") == 60 and plan.get("already_there") == 59, f"plan: {str(plan)[:300]}")
    dry = as_json(ferry("--json", "copy", "--dry-run", "--no-progress", to, "./back"))
    check(not os.path.exists(f"{WORK}/back/{name}") and dry["bytes_moved"] == 0, "a dry run changes nothing")


def one_object(storage):
    """One object to a new name, cp style, for every pair of storages: a text without a trailing slash is the object's name, unless a folder is there."""
    text = lambda place: open(f"{WORK}/{place}").read() if "://" not in place else ferry("cat", place).out
    os.makedirs(f"{WORK}/one")
    with open(f"{WORK}/one/key.txt", "w") as f:
        f.write("one object\n")
    ferry("put", "one/key.txt", storage.format("one/key.txt"))
    for at, source in enumerate(["./one/key.txt", storage.format("one/key.txt")]):
        for command in ["copy", "migrate"]:
            for kind, to in [("file", "./one/{}"), ("s3", storage.format("one/{}"))]:
                def place(name):
                    return to.format(name) if kind == "file" else to.replace("{}", name)
                name = f"{command}-{at}-{kind}"
                label = f"{command} {source} to {kind}"
                ferry(command, "--no-progress", source, place(f"{name}.txt"))
                check(text(place(f"{name}.txt")) == "one object\n", f"{label}: a new name")
                again = as_json(ferry("--json", command, "--no-progress", source, place(f"{name}.txt")))
                check(again.get("bytes_moved") == 0, f"{label}: a second run moves nothing: {again}")
                ferry("verify", source, place(f"{name}.txt"))
                if command == "migrate":
                    ferry("rollback", "--yes")
                    ferry("stat", place(f"{name}.txt"), expect=1)
                    check("one object" == text("./one/key.txt").strip(), f"{label}: rollback left the source")
                plan = as_json(ferry("--json", "plan", source, place(f"{name}.txt")))
                check(plan.get("already_there") == (0 if command == "migrate" else 1), f"{label}: plan: {plan}")
                ferry(command, "--no-progress", source, place(f"{name}/deep/"))
                check(text(place(f"{name}/deep/key.txt")) == "one object\n", f"{label}: into a folder by its slash")
                ferry(command, "--no-progress", source, place(name))
                check(text(place(f"{name}/key.txt")) == "one object\n", f"{label}: into a folder that is there")
    ferry("copy", "--no-progress", "./one", "./one/key.txt", expect=2)
    ferry("copy", "--no-progress", "./one/key.txt", f"file://{WORK}/one/by-url.txt?fsync=none")
    check(text("one/by-url.txt") == "one object\n", "a file URL with a parameter names the new file")


def readers_while_a_run_is_on():
    process = subprocess.Popen([BIN, "migrate", "--no-progress", "--bwlimit", "1M", "--journal", "busy.db", "./slow", "./busy"], cwd=WORK, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            time.sleep(0.1)
            if os.path.exists(f"{WORK}/busy.db") and as_json(ferry("--json", "status", "--journal", "busy.db", expect=(0, 2, 3))).get("listed"):
                break
        report = as_json(ferry("--json", "report", "--all", "--journal", "busy.db"))
        check(process.poll() is None and len(report.get("objects_listed", [])) == 60, f"report while a run is on: {str(report)[:300]}")
        check(as_json(ferry("--json", "status", "--journal", "busy.db")).get("running") is True, "status while a run is on")
        check(ferry("missing", "./slow", "./busy", expect=(0, 1)).err.count("journal") == 0, "missing while a run is on")
        ferry("retry", "--journal", "busy.db", expect=2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def retry_takes_what_is_typed():
    """What was typed at the beginning holds until it is typed otherwise, also where that is the usual value."""
    os.makedirs(f"{WORK}/few")
    for i in range(4):
        with open(f"{WORK}/few/{i}", "wb") as f:
            f.write(os.urandom(300_000))
    ferry("migrate", "--no-progress", "--bwlimit", "400k", "--journal", "typed.db", "./few", "./typed")
    def damaged(*options):
        for i in range(4):
            os.remove(f"{WORK}/typed/{i}")
        ferry("verify", "--journal", "typed.db", expect=1)
        return as_json(ferry("--json", "retry", "--no-progress", "--journal", "typed.db", *options))["seconds"]
    check(damaged() > 1.5, "retry keeps the limit of the beginning")
    check(damaged("--bwlimit", "off") < 1.5, "retry --bwlimit off")
    check(damaged() > 1.5, "what was typed for one retry holds for that one")
    ferry("retry", "--journal", "typed.db", "--delete-source", expect=2)


def progress_of_every_run():
    """Verify, retry and rollback show how much of their own work is done."""
    def percents(text):
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()
        return [int(p) for line in lines if "picture" not in line for p in re.findall(r"(\d+) %", line)]
    ferry("migrate", "--no-progress", "--journal", "shown.db", "./slow", "./shown")
    text = terminal(["verify", "--verify", "full", "--bwlimit", "4M", "--journal", "shown.db"], size=(24, 90))
    seen = percents(text)
    check(seen and seen[0] < 50 and seen[-1] == 100 and seen == sorted(seen), f"verify: {seen}")
    check("ETA" in text and "/s" in text, f"verify shows rate and time: {text[-600:]}")
    for i in range(60):
        os.remove(f"{WORK}/shown/picture with quite a long name {i:03d}.jpg")
    ferry("verify", "--journal", "shown.db", expect=1)
    text = terminal(["retry", "--bwlimit", "3M", "--journal", "shown.db"], size=(24, 90))
    seen = percents(text)
    check(seen and seen[0] < 50 and seen[-1] == 100, f"retry: {seen}")
    text = terminal(["rollback", "--yes", "--journal", "shown.db"], size=(24, 90))
    check(terminal.status == 0 and ("60 of 60 objects" in text or "rollback: 60 objects in 0s" in text), f"rollback: {text[-600:]}")   # too fast to be drawn


def what_is_no_file():
    """Nothing of the machine is replaced: devices, pipes and links stay what they are."""
    os.makedirs(f"{WORK}/special")
    with open(f"{WORK}/special/object", "w") as f:
        f.write("new\n")
    with open(f"{WORK}/behind", "w") as f:
        f.write("old\n")
    os.mkfifo(f"{WORK}/pipe")
    for name, to in [("to-file", "behind"), ("to-nothing", "nowhere"), ("to-device", "/dev/null")]:
        os.symlink(to, f"{WORK}/{name}")
    kinds = lambda: {name: stat.S_IFMT(os.lstat(f"{WORK}/{name}").st_mode) for name in ["pipe", "to-file", "to-nothing", "to-device"]}
    before = kinds()
    for name in ["pipe", "to-nothing", "to-device"]:
        ferry("get", "./special/object", name, expect=2)
        for command in ["cp", "copy", "migrate"]:
            ferry(command, "./special/object", f"./{name}", expect=2)
        ferry("put", "special/object", f"./{name}", expect=2)
    ferry("get", "./special/object", "to-file")
    check(open(f"{WORK}/behind").read() == "new\n", "get writes what the link points to")
    ferry("copy", "./special/object", "./to-file", expect=2)
    check(kinds() == before, f"they stay: {kinds()}")
    for command in ["copy", "migrate"]:
        said = ferry(command, "./special", "./special/inside", expect=2).err
        check("lies in the source" in said, f"a destination inside the source: {said}")
    ferry("copy", "--exclude", "inside/**", "./special", "./special/inside")
    ferry("copy", "./special/inside", "./special")
    check(sorted(os.listdir(f"{WORK}/special/inside")) == ["object"], "what is left out may lie inside")


def one_ctrl_c_that_comes_twice():
    process = subprocess.Popen([BIN, "migrate", "--no-progress", "--bwlimit", "1M", "--journal", "twice.db", "./slow", "./twice"], cwd=WORK, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    check(process.returncode == 4 and "to go on" in err, f"the same Ctrl-C twice: {process.returncode} {err}")


def what_is_said_of_a_journal():
    """Which migration a command works on, how it goes on, and what was this run's work."""
    folder = f"{WORK}/said"
    for name in ["a", "b"]:
        os.makedirs(f"{folder}/{name}")
        for i in range(6):
            with open(f"{folder}/{name}/{i}", "w") as f:
                f.write(f"{name}{i}")
    trial = ferry("migrate", "--limit", "2", "./a", "./to-a", cwd=folder)
    check("4 objects pending; to go on: fileferry migrate" in trial.err and "next:" not in trial.err, f"a first trial: {trial.err}")
    check("no problems" not in ferry("report", cwd=folder).out, "report of a trial")
    ferry("migrate", "./a", "./to-a", cwd=folder)
    time.sleep(1.1)
    ferry("migrate", "--include", "[0-4]", "--map", "prefix+x/", "./b", "./to-b", cwd=folder)
    ferry("migrate", "./a", "./to-a", cwd=folder)       # touched last, begun first
    back = ferry("rollback", "--yes", cwd=folder)
    check("/b -> " in back.err and "rollback: 5 objects" in back.out, f"the newest migration, named: {back.out} {back.err}")
    back = ferry("rollback", "--yes", cwd=folder)
    check("rollback: 0 objects" in back.out and "rolled back" in back.out, f"a second rollback did nothing: {back.out}")
    check(len(os.listdir(f"{folder}/to-a")) >= 6, "the other one stays")
    time.sleep(1.1)
    with open(f"{folder}/storages.yml", "w") as f:
        f.write("from: { service: local, root: a }\n")
    ferry("-c", "storages.yml", "migrate", "from:mistyped/", "./to-a", expect=1, cwd=folder)
    said = ferry("status", cwd=folder)
    check("/b -> " in said.out and "rolled back" in said.out, f"a mistyped source is no migration to speak of: {said.out}")
    error = as_json(ferry("--json", "retry", "--journal", "none.db", expect=(2, 3), cwd=folder))
    check(error.get("result", {}).get("ok") is False, f"--json of what cannot start: {error}")
    ferry("migrate", "--include", "[0-2]", "./a", "./some", cwd=folder)
    chosen = as_json(ferry("--json", "verify", "--include", "[0-2]", "./a", "./some", cwd=folder))
    check(chosen.get("journal", "").startswith(".fileferry/") and chosen["objects"]["verified"] == 3, f"the same filters are the same migration: {chosen}")
    chosen = as_json(ferry("--json", "verify", "--include", "[0-1]", "./a", "./some", cwd=folder))
    check("journal" not in chosen and chosen["objects"]["verified"] == 2, f"other filters are not: {chosen}")
    with open(f"{folder}/b/large", "wb") as f:
        f.write(os.urandom(3_000_000))
    for words in [["migrate", "--bwlimit", "1M", "--exclude", "0 *", "--journal", "own.db", "./b", "./to-c"], ["verify", "--verify", "full", "--bwlimit", "500k", "--journal", "own.db"]]:
        process = subprocess.Popen([BIN, "--quiet", *words], cwd=folder, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        check(process.wait(timeout=60) == 4, f"{words} is stopped")
        said = ferry("status", "--journal", "own.db", cwd=folder)
        again = f"to go on: fileferry {words[0]} "
        check(again in said.err and "--journal own.db" in said.err, f"how {words[0]} goes on: {said.err}")
        if words[0] == "migrate":
            check("--exclude '0 *'" in said.err, f"with what chooses keys: {said.err}")
            ferry("migrate", "--exclude", "0 *", "--journal", "own.db", "./b", "./to-c", cwd=folder)


def what_is_said_at_the_end():
    """What is to be done about what did not end well, and that --json always tells it."""
    folder = f"{WORK}/end"
    os.makedirs(f"{folder}/a")
    for i in range(3):
        with open(f"{folder}/a/{i}", "w") as f:
            f.write(str(i))
    error = as_json(ferry("--json", "bogus", expect=2, cwd=folder))
    check(error.get("result", {}).get("ok") is False, f"--json of what cannot be read: {error}")
    with open(f"{folder}/keys", "w") as f:
        f.write("none\n0\n1\n")
    trial = ferry("copy", "-n", "--limit", "1", "--keys-from", "keys", "./a", "./b", expect=1, cwd=folder)
    check("would copy 0 " in trial.out and "would copy 1 " not in trial.out, f"a key that is not there leaves its place to another: {trial.out}")
    ferry("migrate", "--keys-from", "keys", "./a", "./b", expect=1, cwd=folder)
    retry = ferry("retry", expect=1, cwd=folder)
    check("--overwrite" not in retry.err and "see fileferry report" in retry.err, f"nothing is in the way of a missing source: {retry.err}")
    ferry("rollback", "--yes", expect=1, cwd=folder)  # the missing one is still named
    said = ferry("status", cwd=folder)
    check("so far" not in said.out and "listed" in said.out, f"a rolled back listing does not go on: {said.out}")
    verify = ferry("verify", "./a", "./b", expect=1, cwd=folder)
    check("retry" not in verify.err and "was taken back" in verify.err, f"retry does nothing after a rollback: {verify.out} {verify.err}")
    for command in ["copy", "migrate"]:
        os.makedirs(f"{folder}/{command}")
        for name in ["0", "new"]:
            with open(f"{folder}/{command}/{name}", "w") as f:
                f.write("0")
        os.makedirs(f"{folder}/to-{command}")
        with open(f"{folder}/to-{command}/0", "w") as f:
            f.write("0")
        moved = ferry(command, "--delete-source", "--yes", f"./{command}", f"./to-{command}", cwd=folder)
        check("1  source not removed: the destination held the same before" in moved.out, f"{command}: a source that stays is told of: {moved.out}")
        check(os.listdir(f"{folder}/{command}") == ["0"], f"{command}: only what was copied goes")
    deep = f"{folder}/a/" + "/".join(["d" * 200] * 6)  # longer than a key can be
    os.makedirs(deep)
    with open(f"{deep}/file", "w") as f:
        f.write("no key")
    for words in [["ls", "-r"], ["stats"]]:
        told = as_json(ferry("--json", *words, "./a", expect=1, cwd=folder))
        check(len(told.get("unlisted", [])) == 1 and told["unlisted"][0]["message"], f"{words}: what is not listed is in the document: {told}")
    migrated = ferry("migrate", "./a", "./d", expect=1, cwd=folder)
    check("retry" not in migrated.err and "fileferry migrate lists it again" in migrated.err, f"retry lists nothing: {migrated.err}")


def main():
    objects_of(WORK + "/folder/{}", "folder") if not os.makedirs(f"{WORK}/folder") else None
    keys_that_cannot_be_held()
    stops_while_it_waits()
    json_documents()
    what_is_missing()
    a_long_list_of_what_is_missing()
    shared_options()
    what_a_plan_says()
    what_a_configuration_lacks()
    pipes()
    questions()
    progress_on_a_terminal()
    signals()
    what_is_no_file()
    what_is_said_of_a_journal()
    what_is_said_at_the_end()
    one_ctrl_c_that_comes_twice()
    readers_while_a_run_is_on()
    retry_takes_what_is_typed()
    progress_of_every_run()
    configuration()
    with Seaweed() as server:
        ENV.update(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        bucket = server.bucket()
        storage = f"s3://{bucket}/{{}}?endpoint={server.endpoint}&region=us-east-1"
        objects_of(storage, "S3")
        moves(storage)
        one_object(storage)
    print(f"{checks} checks, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        status = main()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(status)
