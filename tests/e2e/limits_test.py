#!/usr/bin/env python3
"""Memory and request limits: flat in the number of keys and in the size of objects.  Peak memory is the kernel's figure of the whole process."""
import os
import resource
import subprocess

from support import BIN, Sinkd, check, environment, ferry, main, make_tree, workspace


def peak_mb(*arguments, cwd=None, expect=0, stdout=subprocess.DEVNULL):
    """Runs the command; its peak resident memory in MB."""
    pid = os.fork()
    if pid == 0:
        try:
            if cwd:
                os.chdir(cwd)
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            os.execve(BIN, [BIN, *map(str, arguments)], environment())
        finally:
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    check(os.waitstatus_to_exitcode(status) == expect, f"fileferry {' '.join(map(str, arguments))} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024


def many_keys():
    """List, no-op copy and journaled migration of many keys: at most 64 MB, and one list request for 1,000 keys."""
    keys = int(os.environ.get("FILEFERRY_LIMIT_KEYS", "100000"))
    with workspace("limits") as work, Sinkd(buckets=("a", "b")) as server:
        for bucket in ("a", "b"):
            server.post(f"/_sinkd/prefill?bucket={bucket}&n={keys}&size=10&dirs={keys // 1000}")
        listing = peak_mb("ls", "--recursive", server.text("a"))
        before = server.stats()["requests"]
        noop = peak_mb("copy", server.text("a"), server.text("b"), "--no-progress")
        requests = server.stats()["requests"] - before
        check(requests <= 2 * (keys / 1000) + 12, f"{requests} requests for a copy with nothing to do")
        journaled = peak_mb("migrate", server.text("a"), server.text("b"), "--no-progress", cwd=work)
        figures = f"{keys} keys: list {listing:.0f} MB, no-op copy {noop:.0f} MB in {requests} requests, journaled {journaled:.0f} MB"
        check(max(listing, noop, journaled) <= 64, figures)
        return figures


def large_object():
    """A 1 GiB object both ways: at most 96 MB with 16 transfers."""
    size = int(os.environ.get("FILEFERRY_LIMIT_SIZE", str(1 << 30)))
    base = "/dev/shm" if os.path.isdir("/dev/shm") and os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize > 5 * size else None
    os.environ["FILEFERRY_TEST_TMP"] = base or os.environ.get("FILEFERRY_TEST_TMP", "")
    with workspace("large") as work, Sinkd() as server:
        os.makedirs(f"{work}/src")
        with open(f"{work}/src/film.mp4", "wb") as f:
            for i in range(size >> 20):
                f.write(bytes([i & 255]) * (1 << 20))
        up = peak_mb("copy", f"{work}/src/film.mp4", server.text(prefix="film.mp4"), "--no-progress", "--transfers", "16")
        down = peak_mb("copy", server.text(prefix="film.mp4"), f"{work}/film.mp4", "--no-progress", "--transfers", "16")
        check(subprocess.run(["cmp", f"{work}/src/film.mp4", f"{work}/film.mp4"]).returncode == 0, "the bytes differ")
        figures = f"up {up:.0f} MB, down {down:.0f} MB"
        check(max(up, down) <= 96, figures)
        return figures


def small_objects():
    """5,000 objects of 64 KiB both ways: at most 40 MB."""
    with workspace("small") as work, Sinkd() as server:
        make_tree(f"{work}/src", files=5000, size=32768)
        up = peak_mb("copy", f"{work}/src", server.text(), "--no-progress")
        down = peak_mb("copy", server.text(), f"{work}/dst", "--no-progress")
        figures = f"up {up:.0f} MB, down {down:.0f} MB"
        check(max(up, down) <= 40, figures)
        return figures


if __name__ == "__main__":
    main(small_objects, many_keys, large_object)
