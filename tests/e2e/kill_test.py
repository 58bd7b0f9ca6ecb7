#!/usr/bin/env python3
"""kill -9 at random moments over whole migrations: nothing missing, doubled or half-written, no upload left open, and few bytes sent again.

Three routes: folder -> in-memory S3 endpoint (which counts received bytes and requests that were cut), endpoint -> folder, folder -> SeaweedFS.
Each migration has 1,000 small objects and 5 of 64 MiB, and is killed again and again until it ends by itself.
Then a small one, endpoint -> folder, that replaces objects and removes its sources into an archive, and its rollback: both killed, and all is as it was.
    kill_test.py [--kills N] [--seed S]
"""
import argparse
import os
import random
import signal
import subprocess
import time

from servers import Seaweed
from support import BIN, Sinkd, boto, check, check_same, environment, ferry, hashes, leftovers, make_tree, s3_text, workspace

parser = argparse.ArgumentParser()
parser.add_argument("--kills", type=int, default=200)
parser.add_argument("--seed", type=int, default=int(os.environ.get("FILEFERRY_SEED", "20240521")))
A = parser.parse_args()
RNG = random.Random(A.seed)
SMALL, BIG, TRANSFERS, PART = 1000, 5, 16, 8 << 20
# What a kill may send again: what was under way (transfers x part size), and here nothing else.
ALLOWED_PER_KILL = TRANSFERS * PART
total = {"kills": 0, "in_flight": 0, "migrations": 0, "sent_again": 0}


def sockets_of(pid, port):
    """How many connections the process holds to the server's port (it is stopped while we look)."""
    inodes = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:
        return 0
    found = 0
    for line in open(f"/proc/{pid}/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "01" and int(fields[2].split(":")[1], 16) == port and fields[9] in inodes:
            found += 1
    return found


def run_killed(source, destination, work, env, span, was_cut, kills_left):
    """Runs the migration, killed after random times within span, until it ends; the number of kills."""
    kills = 0
    while True:
        process = subprocess.Popen([BIN, "migrate", source, destination, "--no-progress", "--transfers", str(TRANSFERS)], cwd=work, env=env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if kills < kills_left:
            try:
                process.wait(RNG.uniform(0.02, span))
            except subprocess.TimeoutExpired:
                flying = was_cut(process)
                process.kill()
                process.communicate()
                kills += 1
                total["kills"] += 1
                total["in_flight"] += 1 if flying() else 0
                continue
        out, err = process.communicate(timeout=600)
        check(process.returncode == 0, f"the run after {kills} kills ended with {process.returncode}: {out[-2000:]} {err[-2000:]}")
        return kills


def request_is_cut(server):
    """To be called before the kill; the answer tells after it whether the kill cut a request."""
    cut = server.stats()["cut"]

    def after():
        for _ in range(50):
            if server.stats()["cut"] > cut:
                return True
            time.sleep(0.002)
        return False
    return after


def to_memory_endpoint(work, tree, before, size, kills_left):
    with Sinkd() as server:
        kills = run_killed(tree, server.text(), work, environment(), 0.25, lambda _: request_is_cut(server), kills_left)
        stats = server.stats()
        check(stats["objects"] == len(before), f"{stats['objects']} objects instead of {len(before)}")
        check(stats["uploads"] == 0, f"{stats['uploads']} uploads left open")
        again = stats["raw"] - size
        overhead = stats["requests"] * 2000   # heads of requests
        check(again <= kills * ALLOWED_PER_KILL + overhead, f"{again} bytes sent again after {kills} kills")
        total["sent_again"] += max(0, again - stats["requests"] * 700)
        ferry("copy", server.text(), f"{work}/back", "--no-progress")
        check_same(hashes(f"{work}/back"), before, "what arrived")
        second = ferry("--json", "migrate", tree, server.text(), "--no-progress", cwd=work)
        check(second.json()["bytes_moved"] == 0, "a run after the end moved bytes")
        ferry("rollback", "--yes", cwd=work)
        check(server.stats()["objects"] == 0, "rollback left objects")
        return kills


def from_memory_endpoint(work, tree, before, size, kills_left):
    with Sinkd() as server:
        ferry("copy", tree, server.text(), "--no-progress")

        out0 = server.stats()["out"]
        kills = run_killed(server.text(), f"{work}/dst", work, environment(), 0.25, lambda _: request_is_cut(server), kills_left)
        again = server.stats()["out"] - out0 - size
        check(again <= kills * ALLOWED_PER_KILL, f"{again} bytes fetched again after {kills} kills")
        total["sent_again"] += max(0, again)
        check_same(hashes(f"{work}/dst"), before, "what arrived")
        ferry("cleanup", cwd=work)
        check(not [f for f in leftovers(f"{work}/dst") if "/trash/" not in f], f"left behind: {leftovers(f'{work}/dst')[:5]}")
        return kills


def to_seaweed(server, work, tree, before, size, kills_left):
    bucket = f"kill-{total['migrations']}"
    client = boto(server.endpoint, server.access_key, server.secret_key)
    client.create_bucket(Bucket=bucket)
    env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
    port = int(server.endpoint.rsplit(":", 1)[1])

    def was_cut(process):
        os.kill(process.pid, signal.SIGSTOP)      # it stands still while we look at its connections
        busy = sockets_of(process.pid, port) >= 2
        return lambda: busy
    kills = run_killed(tree, s3_text(server.endpoint, bucket), work, env, 0.6, was_cut, kills_left)
    check(not client.list_multipart_uploads(Bucket=bucket).get("Uploads"), "uploads left open")
    ferry("copy", s3_text(server.endpoint, bucket), f"{work}/back", "--no-progress", env=env)
    check_same(hashes(f"{work}/back"), before, "what arrived")
    return kills


def killed(arguments, work, kills):
    """Runs the command, killed `kills` times at random moments, until it ends well."""
    for _ in range(kills):
        process = subprocess.Popen([BIN, *arguments], cwd=work, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            process.wait(RNG.uniform(0.02, 0.3))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    return ferry(*arguments, cwd=work)


def replaced_moved_and_taken_back(work, kills):
    with Sinkd() as server:
        make_tree(f"{work}/src", files=150, size=2000, seed=3, big=1, big_size=12 << 20)
        make_tree(f"{work}/dst", files=60, size=1500, seed=4)   # the same names, other bytes
        source, destination = hashes(f"{work}/src"), hashes(f"{work}/dst")
        ferry("copy", f"{work}/src", server.text(), "--no-progress")
        killed(["migrate", server.text(), f"{work}/dst", "--overwrite", "always", "--delete-source", "--yes", "--archive", f"{work}/archive", "--no-progress"], work, kills)
        check_same(hashes(f"{work}/dst"), source, "what replaced")
        check_same(hashes(f"{work}/archive"), source, "the archive")
        check(server.stats()["objects"] == 0, "sources were left")
        killed(["rollback", "--yes", "--no-progress"], work, kills)
        check_same(hashes(f"{work}/dst"), destination, "what was put back")
        ferry("copy", server.text(), f"{work}/back", "--no-progress")
        check_same(hashes(f"{work}/back"), source, "the sources that were restored")
        check(not [f for f in leftovers(f"{work}/dst") if "/trash/" in f], "the trash was left")


def main():
    with workspace("kill-tree") as base, Seaweed() as weed:
        tree = f"{base}/src"
        make_tree(tree, files=SMALL, size=4096, big=BIG)
        before = hashes(tree)
        size = sum(s for s, _ in before.values())
        routes = [to_memory_endpoint, from_memory_endpoint, lambda *a: to_seaweed(weed, *a)]
        share = {0: 0.35, 1: 0.45, 2: 0.2}
        for index, route in enumerate(routes):
            left = round(A.kills * share[index]) if index < 2 else A.kills - total["kills"]
            while left > 0:
                with workspace("kill") as work:
                    done = route(work, tree, before, size, left)
                total["migrations"] += 1
                check(done > 0, "the migration ended before the first kill")
                left -= done
                print(f"{total['kills']} kills, {total['in_flight']} with a transfer in flight, {total['migrations']} migrations", flush=True)
    with workspace("kill") as work:
        replaced_moved_and_taken_back(work, max(3, A.kills // 20))
    print(f"kills {total['kills']}, with a transfer in flight {total['in_flight']}, migrations {total['migrations']}, "
          f"bytes sent again per kill {total['sent_again'] // max(1, total['kills']) >> 10} KiB, seed {A.seed}")
    check(total["kills"] >= A.kills, "too few kills")
    check(total["in_flight"] >= 0.8 * A.kills, "too few kills met a transfer in flight")


main()
