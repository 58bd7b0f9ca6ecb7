#!/usr/bin/env python3
"""The thin line: a folder goes to a real S3 server by one command, is verified, and is taken back; then the ways in which it can go wrong."""
import os
import signal
import subprocess
import time

from servers import Seaweed
from support import BIN, boto, check, environment, ferry, hashes, leftovers, main, make_tree, rclone, s3_text, workspace

SERVER = None


def text(bucket, prefix="", **parameters):
    return s3_text(SERVER.endpoint, bucket, prefix, **parameters)


def env():
    return environment(AWS_ACCESS_KEY_ID=SERVER.access_key, AWS_SECRET_ACCESS_KEY=SERVER.secret_key)


def client():
    return boto(SERVER.endpoint, SERVER.access_key, SERVER.secret_key)


def bucket(name):
    client().create_bucket(Bucket=name)
    return name


def keys(name, prefix=""):
    found = {}
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix):
        for item in page.get("Contents", []):
            found[item["Key"]] = item
    return found


def folder_to_s3_and_back():
    with workspace("line") as work:
        make_tree(f"{work}/src", files=300, big=1, big_size=20 << 20)
        make_tree(f"{work}/src/middle", files=0, big=3, big_size=3 << 20)   # sent whole, and read once before for their digest
        before = hashes(f"{work}/src")
        b = bucket("line")
        done = ferry("--json", "migrate", f"{work}/src", text(b), "--no-progress", cwd=work, env=env())
        check(done.json()["bytes_moved"] == sum(size for size, _ in before.values()), f"other bytes are said to have moved: {done}")
        check(set(keys(b)) == set(before), "the bucket does not hold exactly the files")
        rclone("check", "--download", f"{work}/src", f"S:{b}", endpoint=SERVER.endpoint, access_key=SERVER.access_key, secret_key=SERVER.secret_key)
        again = ferry("--json", "migrate", f"{work}/src", text(b), "--no-progress", cwd=work, env=env())
        check(again.json()["bytes_moved"] == 0, f"a second run moved bytes: {again}")
        ferry("verify", f"{work}/src", text(b), "--verify", "full", cwd=work, env=env())
        ferry("status", cwd=work, env=env())
        ferry("report", cwd=work, env=env())
        ferry("rollback", "--yes", cwd=work, env=env())
        check(keys(b) == {}, f"rollback left {list(keys(b))[:5]}")
        check(hashes(f"{work}/src") == before, "the source was changed")
        # and the other way
        ferry("copy", f"{work}/src", text(b), "--no-progress", env=env())
        ferry("migrate", text(b), f"{work}/dst", "--no-progress", cwd=work, env=env())
        check(hashes(f"{work}/dst") == before, "the folder that came back differs")
        for name in ("album-00/picture 00000.jpg", "video/film 0.mp4"):
            a, z = os.stat(f"{work}/src/{name}"), os.stat(f"{work}/dst/{name}")
            check(abs(a.st_mtime_ns - z.st_mtime_ns) < 1000, f"{name}: modification time {a.st_mtime_ns} became {z.st_mtime_ns}")
        return done.err.strip().splitlines()[-1] if done.err.strip() else ""


def conflict_is_reported_not_overwritten():
    with workspace("conflict") as work:
        make_tree(f"{work}/src", files=20)
        b = bucket("conflict")
        name = "album-03/picture 00003.jpg"
        client().put_object(Bucket=b, Key=name, Body=b"newer upload of somebody")
        done = ferry("migrate", f"{work}/src", text(b), "--no-progress", cwd=work, env=env(), expect=1)
        check(client().get_object(Bucket=b, Key=name)["Body"].read() == b"newer upload of somebody", "the newer upload was overwritten")
        report = ferry("report", cwd=work, env=env(), expect=(0, 1))
        check(name in report.out and "conflict" in report.out.lower(), f"the report does not name the conflict: {report} {done}")
        check(len(keys(b)) == 20, "the other files did not arrive")
        ferry("rollback", "--yes", cwd=work, env=env(), expect=(0, 1))
        check(set(keys(b)) == {name}, f"rollback should leave the foreign object alone and nothing else: {set(keys(b))}")


def overwrite_changed_can_be_rolled_back():
    with workspace("overwrite") as work:
        make_tree(f"{work}/src", files=5)
        b = bucket("overwrite")
        name = "album-03/picture 00003.jpg"
        client().put_object(Bucket=b, Key=name, Body=b"older upload", ContentType="text/plain", Metadata={"who": "me"})
        ferry("migrate", f"{work}/src", text(b), "--overwrite", "changed", "--no-progress", cwd=work, env=env())
        check(client().get_object(Bucket=b, Key=name)["Body"].read() == open(f"{work}/src/{name}", "rb").read(), "not overwritten")
        ferry("rollback", "--yes", cwd=work, env=env())
        back = client().get_object(Bucket=b, Key=name)
        check(back["Body"].read() == b"older upload" and back["Metadata"].get("who") == "me", "the replaced object was not put back")
        check(set(keys(b)) == {name}, f"left: {set(keys(b))}")


def damage_is_found_and_mended():
    with workspace("damage") as work:
        make_tree(f"{work}/src", files=10)
        ferry("migrate", f"{work}/src", f"{work}/dst", "--no-progress", cwd=work)
        name = "album-03/picture 00003.jpg"
        with open(f"{work}/dst/{name}", "r+b") as f:
            stat = os.stat(f.name)
            f.seek(stat.st_size // 2)
            byte = f.read(1)
            f.seek(stat.st_size // 2)
            f.write(bytes([byte[0] ^ 1]))
        os.utime(f"{work}/dst/{name}", ns=(stat.st_atime_ns, stat.st_mtime_ns))   # silent damage: size and time are as they were
        done = ferry("verify", f"{work}/src", f"{work}/dst", "--verify", "full", cwd=work, expect=1)
        check(name in done.out + done.err, f"verify does not name the key: {done}")
        ferry("retry", cwd=work)
        check(hashes(f"{work}/src") == hashes(f"{work}/dst"), "retry did not mend the damaged object")
        # changed since by somebody: a conflict, mended only when asked
        with open(f"{work}/dst/{name}", "wb") as f:
            f.write(b"somebody's own words")
        ferry("verify", f"{work}/src", f"{work}/dst", "--verify", "full", cwd=work, expect=1)
        ferry("retry", cwd=work, expect=1)
        check(open(f"{work}/dst/{name}", "rb").read() == b"somebody's own words", "retry overwrote what somebody changed")
        ferry("retry", "--overwrite", "changed", cwd=work)
        check(hashes(f"{work}/src") == hashes(f"{work}/dst"), "retry --overwrite changed did not mend it")


def damage_in_the_bucket_is_found():
    with workspace("damage3") as work:
        make_tree(f"{work}/src", files=10)
        b = bucket("damage")
        ferry("migrate", f"{work}/src", text(b), "--no-progress", cwd=work, env=env())
        name = "album-07/picture 00007.jpg"
        head = client().head_object(Bucket=b, Key=name)
        body = bytearray(open(f"{work}/src/{name}", "rb").read())
        body[len(body) // 2] ^= 1
        client().put_object(Bucket=b, Key=name, Body=bytes(body), Metadata=head["Metadata"], ContentType=head["ContentType"])
        done = ferry("verify", f"{work}/src", text(b), "--verify", "full", cwd=work, env=env(), expect=1)
        check(name in done.out + done.err, f"verify does not name the key: {done}")


def missing_and_vanished_do_not_stop_the_run():
    with workspace("missing") as work:
        make_tree(f"{work}/src", files=30)
        with open(f"{work}/keys", "w") as f:
            for i in range(10):
                f.write(f"album-{i % 25:02d}/picture {i:05d}.jpg\n")
            f.write("album-00/never there.jpg\n")
        done = ferry("migrate", f"{work}/src", f"{work}/dst", "--keys-from", f"{work}/keys", "--no-progress", cwd=work, expect=1)
        check(len(hashes(f"{work}/dst")) == 10, "the others did not arrive")
        check("album-00/never there.jpg" in ferry("report", cwd=work, expect=(0, 1)).out, f"the missing key is not named: {done}")


def interrupted_by_ctrl_c_and_goes_on():
    with workspace("ctrlc") as work:
        make_tree(f"{work}/src", files=2000, size=20000)
        b = bucket("ctrlc")
        process = subprocess.Popen([BIN, "migrate", f"{work}/src", text(b), "--no-progress"], cwd=work, env=env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(keys(b)) < 50 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        check(process.returncode == 4, f"exit {process.returncode} after Ctrl-C: {out} {err}")
        check("migrate" in err + out, f"it does not say how to go on: {err}")
        at_stop = len(keys(b))
        check(at_stop < 2000, "it was not stopped before the end")
        rest = ferry("--json", "migrate", f"{work}/src", text(b), "--no-progress", cwd=work, env=env()).json()
        check(len(keys(b)) == 2000, "the second run did not finish")
        check(rest["extra"] == 0, f"what the first run wrote is called foreign: {rest}")
        ferry("verify", f"{work}/src", text(b), "--verify", "full", env=env())
        return f"stopped at {at_stop} of 2000"


def full_disk_is_resumable():
    with workspace("full") as work:
        make_tree(f"{work}/src", files=40, size=100_000)
        script = f"""
set -e
mkdir {work}/small
mount -t tmpfs -o size=1m none {work}/small
set +e
{BIN} migrate {work}/src {work}/small --no-progress
echo "status $?"
mount -o remount,size=64m {work}/small
{BIN} migrate {work}/src {work}/small --no-progress
echo "status $?"
cp -r {work}/small {work}/result
"""
        done = subprocess.run(["unshare", "-Urm", "bash", "-c", script], cwd=work, env=environment(), capture_output=True, text=True, timeout=120)
        check("status 4" in done.stdout and "status 0" in done.stdout, f"{done.stdout} {done.stderr}")
        check(hashes(f"{work}/src") == hashes(f"{work}/result"), "the trees differ after the second run")


def source_is_deleted_only_when_asked_and_verified():
    with workspace("delete") as work:
        make_tree(f"{work}/src", files=20)
        before = hashes(f"{work}/src")
        b = bucket("delete")
        ferry("migrate", f"{work}/src", text(b), "--delete-source", "--no-progress", cwd=work, env=env(), expect=2, stdin="")
        check(hashes(f"{work}/src") == before, "the source was touched without --yes")
        ferry("migrate", f"{work}/src", text(b), "--delete-source", "--archive", f"{work}/archive", "--yes", "--no-progress", cwd=work, env=env())
        check(hashes(f"{work}/src") == {}, "the source was not deleted")
        check(hashes(f"{work}/archive") == before, "the archive is not complete")
        ferry("rollback", "--yes", cwd=work, env=env())
        check(hashes(f"{work}/src") == before, "rollback did not bring the archived files back")
        check(keys(b) == {}, "rollback left objects")


def server_dead_and_back():
    with workspace("dead") as work:
        make_tree(f"{work}/src", files=20)
        done = ferry("migrate", f"{work}/src", s3_text("http://127.0.0.1:9", "nowhere"), "--no-progress", cwd=work, env=env(), expect=3, timeout=120)
        check(len([line for line in done.err.splitlines() if line.startswith("fileferry:")]) >= 1, f"no clear line: {done}")


def the_server_copies_inside_a_service():
    with workspace("server-copy") as work:
        make_tree(f"{work}/src", files=30, big=1, big_size=20 << 20)
        a, z = bucket("copy-a"), bucket("copy-z")
        ferry("copy", f"{work}/src", text(a), "--no-progress", env=env())
        done = ferry("--json", "migrate", text(a), text(z), "--no-progress", cwd=work, env=env())
        check(done.json()["bytes_moved"] == 0, f"bytes passed through the client: {done}")
        rclone("check", "--download", f"{work}/src", f"S:{z}", endpoint=SERVER.endpoint, access_key=SERVER.access_key, secret_key=SERVER.secret_key)


if __name__ == "__main__":
    with Seaweed() as server:
        SERVER = server
        main(folder_to_s3_and_back, conflict_is_reported_not_overwritten, overwrite_changed_can_be_rolled_back, damage_is_found_and_mended,
             damage_in_the_bucket_is_found, missing_and_vanished_do_not_stop_the_run, interrupted_by_ctrl_c_and_goes_on, full_disk_is_resumable,
             source_is_deleted_only_when_asked_and_verified, server_dead_and_back, the_server_copies_inside_a_service)
