#!/usr/bin/env python3
"""Starts an S3 endpoint that holds every key (moto) and runs hostile_keys against it; then the SeaweedFS refusals by the command."""
import os
import subprocess
import sys

from servers import Moto, Seaweed
from support import Sinkd, boto, check, environment, ferry, main, s3_text, workspace

PROGRAM = os.environ["FILEFERRY_HOSTILE_KEYS"]


def through_every_storage():
    with workspace("hostile") as work, Moto() as server:
        boto(server.endpoint, server.access_key, server.secret_key).create_bucket(Bucket="hostile")
        env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        done = subprocess.run([PROGRAM, s3_text(server.endpoint, "hostile", vendor="aws", payload_signing="always"), f"{work}/folder", "no-line-feeds"], env=env, capture_output=True, text=True, timeout=600, errors="replace")
        check(done.returncode == 0, done.stdout + done.stderr)
        return ", ".join(done.stdout.strip().splitlines())


def with_line_feeds_too():
    with workspace("hostile") as work, Sinkd() as server:
        done = subprocess.run([PROGRAM, server.text(), f"{work}/folder"], env=environment(), capture_output=True, text=True, timeout=600, errors="replace")
        check(done.returncode == 0, done.stdout + done.stderr)
        return ", ".join(done.stdout.strip().splitlines())


def refused_before_any_write():
    with workspace("refused") as work, Seaweed() as server:
        client = boto(server.endpoint, server.access_key, server.secret_key)
        client.create_bucket(Bucket="refused")
        env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        os.makedirs(f"{work}/src/b")
        open(f"{work}/src/b/fine.txt", "w").write("fine")
        with open(f"{work}/map", "w") as f:
            f.write("b/fine.txt\ta//fine.txt\n")
        done = ferry("migrate", f"{work}/src", s3_text(server.endpoint, "refused", vendor="seaweedfs"), "--map", f"file:{work}/map", "--no-progress", cwd=work, env=env, expect=1)
        check("a//fine.txt" in done.out + done.err or "b/fine.txt" in done.out + done.err, f"the refused key is not named: {done}")
        check(client.list_objects_v2(Bucket="refused").get("KeyCount", 0) == 0, "something was written")


if __name__ == "__main__":
    main(through_every_storage, with_line_feeds_too, refused_before_any_write)
