#!/usr/bin/env python3
"""Runs the conformance suite over a bucket of a real S3 server, which it starts on free ports and stops again.

    run_s3.py seaweedfs|moto PROGRAM [arguments...]     PROGRAM is conformance_s3

A server that cannot start is a failure, never a skip.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "servers"))
from servers import Moto, Seaweed  # noqa: E402


def main():
    name, command = sys.argv[1], sys.argv[2:]
    with {"seaweedfs": Seaweed, "moto": Moto}[name]() as server:
        bucket = server.bucket()
        return subprocess.call(command + ["s3-" + name], env=server.environment(bucket))


if __name__ == "__main__":
    sys.exit(main())
