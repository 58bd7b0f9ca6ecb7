#!/usr/bin/env python3
"""A real tree (what Debian packages installed: at least 5,000 files, 1 GiB, 100 symlinks) goes folder -> S3 -> second bucket -> folder.

Compared by clients that we did not write: rclone check --download, boto3 for the properties, hashlib for the bytes.
"""
import mimetypes
import os
import shutil
import sys

from servers import Seaweed
from support import boto, check, environment, ferry, hashes, main, rclone, s3_text, workspace

FILES, BYTES, LINKS = 5000, 1 << 30, 100


def collect(to):
    """Copies installed files (and symlinks as symlinks) until there are enough of them."""
    files = size = links = 0
    for root in ("/usr/share/doc", "/usr/share/icons", "/usr/share/perl", "/usr/share/zoneinfo", "/usr/share", "/usr/lib", "/usr/bin", "/usr/local", "/opt"):
        for base, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(base, name)
                target = to + path
                if os.path.lexists(target):
                    continue
                enough_files = files >= FILES + 500
                if os.path.islink(path):
                    if links < 2 * LINKS:
                        os.makedirs(os.path.dirname(target), exist_ok=True)
                        os.symlink(os.readlink(path), target)
                        links += 1
                    continue
                if not os.path.isfile(path) or not os.access(path, os.R_OK):
                    continue
                s = os.path.getsize(path)
                if (enough_files and s < 300_000) or (not enough_files and s > 4_000_000):
                    continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(path, target)
                os.utime(target, ns=(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns))
                files += 1
                size += s
                if files >= FILES and size >= BYTES and links >= LINKS:
                    return files, size, links
    return files, size, links


def real_tree():
    with workspace("real") as work, Seaweed() as server:
        files, size, links = collect(f"{work}/src")
        if size < BYTES:   # a small machine: the rest of the bytes is made of what is there
            big = max(((os.path.getsize(os.path.join(b, n)), os.path.join(b, n)) for b, _, ns in os.walk(f"{work}/src") for n in ns
                       if not os.path.islink(os.path.join(b, n))))[1]
            data = open(big, "rb").read()
            i = 0
            while size < BYTES:
                with open(f"{work}/src/joined {i:03d}.bin", "wb") as f:
                    for _ in range(max(1, (40 << 20) // len(data))):
                        f.write(data)
                size += os.path.getsize(f.name)
                files += 1
                i += 1
        check(files >= FILES and size >= BYTES and links >= LINKS, f"only {files} files, {size} bytes, {links} links")
        env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        client = boto(server.endpoint, server.access_key, server.secret_key)
        for b in ("first", "second"):
            client.create_bucket(Bucket=b)
        access = dict(endpoint=server.endpoint, access_key=server.access_key, secret_key=server.secret_key)
        before = hashes(f"{work}/src")
        check(len(before) == files, "miscounted")
        first, second = s3_text(server.endpoint, "first", "media/"), s3_text(server.endpoint, "second", "media/")
        done = ferry("--json", "migrate", f"{work}/src", first, "--no-progress", cwd=work, env=env)
        check(done.json()["skipped_links"] == links, f"symlinks not counted: {done.json().get('skipped_links')} of {links}")
        rclone("check", "--download", "--skip-links", f"{work}/src", "S:first/media", **access)
        ferry("migrate", first, second, "--no-progress", cwd=work, env=env)
        rclone("check", "--download", "S:first/media", "S:second/media", **access)
        ferry("migrate", second, f"{work}/dst", "--no-progress", cwd=work, env=env)
        check(hashes(f"{work}/dst") == before, "the folder that came back differs")
        # properties, by another client: every object of both buckets carries the source's time and type
        compared = 0
        for name in sorted(before):
            a = client.head_object(Bucket="first", Key="media/" + name) if compared < 400 else None
            if a is not None:
                z = client.head_object(Bucket="second", Key="media/" + name)
                for head in (a, z):
                    head["Metadata"].pop("ferry-attempt", None)    # who wrote it: each copy has its own
                for field in ("ContentType", "Metadata", "ContentLength"):
                    check(a.get(field) == z.get(field), f"{name}: {field} {a.get(field)} became {z.get(field)}")
                mtime = os.stat(f"{work}/src/{name}").st_mtime_ns
                check(abs(int(float(a["Metadata"]["mtime"]) * 1e9) - mtime) < 1000_000, f"{name}: mtime {a['Metadata']} is not {mtime}")
                known = mimetypes.guess_type(name)[0]
                if known and name.endswith((".png", ".svg", ".html", ".css", ".jpg", ".gif", ".txt", ".xml")):
                    check(a["ContentType"].split(";")[0] in (known, "text/xml", "application/xml"), f"{name}: {a['ContentType']} is not {known}")
                compared += 1
            s, d = os.stat(f"{work}/src/{name}"), os.stat(f"{work}/dst/{name}")
            check(abs(s.st_mtime_ns - d.st_mtime_ns) < 1000, f"{name}: modification time changed on the way")
        return f"{files} files, {size >> 20} MiB, {links} symlinks"


if __name__ == "__main__":
    main(real_tree)
