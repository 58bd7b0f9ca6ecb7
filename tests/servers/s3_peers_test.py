"""What we write, clients that we did not write read back: rclone (bytes, hash, modification time, content type) and boto3 (metadata).  s3_peers_test.py PATH-OF-s3_live"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Seaweed, find_program

import boto3
from botocore.config import Config

rclone = find_program("rclone", "FILEFERRY_RCLONE")
failures = 0


def check(what, got, wanted):
    global failures
    if got != wanted:
        failures += 1
        print(f"FAILED {what}: {got!r} instead of {wanted!r}")


with Seaweed() as server:
    bucket = server.bucket()
    env = server.environment(bucket)
    env["FILEFERRY_S3_KEEP"] = "1"
    run = subprocess.run([sys.argv[1], "--no-skip", "-tc=keep: *"], env=env, capture_output=True, text=True)
    if run.returncode != 0:
        print(run.stdout)
        sys.exit(1)
    listed = json.loads(subprocess.run([rclone, "lsjson", "-R", "--files-only", "--hash", "-M", f"T:{bucket}"], env=env, capture_output=True, text=True, check=True).stdout)
    found = {entry["Path"]: entry for entry in listed}
    check("the keys that rclone sees", sorted(found), ["keep/a b+c%.txt", "keep/parts.bin", "keep/\u00fc.txt"])
    small = found["keep/a b+c%.txt"]
    check("size", small["Size"], 11)
    check("modification time", small["ModTime"][:26], "2023-06-17T11:06:40.123456")
    check("MD5", small["Hashes"]["md5"], "5eb63bbbe01eeed093cb22bb8f5acdc3")
    check("content type", small["MimeType"], "text/plain; charset=utf-8")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([rclone, "copy", f"T:{bucket}", folder], env=env, check=True, capture_output=True)
        with open(os.path.join(folder, "keep", "a b+c%.txt"), "rb") as file:
            check("bytes", file.read(), b"hello world")
        check("mtime on disk", os.stat(os.path.join(folder, "keep", "a b+c%.txt")).st_mtime_ns, 1687000000123456789)
        with open(os.path.join(folder, "keep", "parts.bin"), "rb") as file:
            data = file.read()
        check("bytes sent in parts", (len(data), data[:5], data[-3:]), ((5 << 20) + 3, b"aaaaa", b"bbb"))
    client = boto3.client("s3", endpoint_url=server.endpoint, aws_access_key_id=server.access_key, aws_secret_access_key=server.secret_key, region_name=server.region,
                          config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))
    head = client.head_object(Bucket=bucket, Key="keep/a b+c%.txt", ChecksumMode="ENABLED")
    check("cache control", head.get("CacheControl"), "max-age=60")
    check("metadata", head["Metadata"].get("colour"), "blue")
    check("CRC-64 that the server keeps", head["ResponseMetadata"]["HTTPHeaders"].get("x-amz-checksum-crc64nvme"), "jSnVw/bqjr4=")
    check("body through boto3", client.get_object(Bucket=bucket, Key="keep/\u00fc.txt")["Body"].read(), b"unicode")

print("failed" if failures else "rclone and boto3 read what we wrote")
sys.exit(1 if failures else 0)
