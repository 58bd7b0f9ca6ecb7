#!/usr/bin/env python3
"""--delete-source and --archive: a source is removed only while its copy is proven, and a rollback never takes away the last copy."""
import os

from support import Sinkd, check, ferry, main, workspace

MOVE = ("--delete-source", "--yes", "--no-progress")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def read(path):
    return open(path).read() if os.path.exists(path) else None


def texts(folder):
    """name -> text of every file that a user sees."""
    return {os.path.relpath(os.path.join(base, n), folder): read(os.path.join(base, n)) for base, _, names in os.walk(folder) if ".fileferry" not in base for n in names}


def tree(work, names=("1", "2", "3")):
    for name in names:
        write(f"{work}/s/{name}", f"bytes of {name}")
    return f"{work}/s", f"{work}/d"


def a_copy_that_is_gone_or_changed_keeps_its_source():
    with workspace("delete") as work:
        s, d = tree(work)
        ferry("migrate", "--no-progress", s, d, cwd=work)
        os.remove(f"{d}/1")
        write(f"{d}/2", "SOMEBODY ELSE'S")
        done = ferry("migrate", *MOVE, s, d, cwd=work, expect=1)
        check(read(f"{s}/1") and read(f"{s}/2") and read(f"{s}/3") is None, f"{texts(s)}: {done}")


def one_bucket_under_two_names_is_kept():
    with workspace("alias") as work, Sinkd() as server:
        s, _ = tree(work)
        one = server.text(prefix="x/")
        two = one.replace("127.0.0.1", "localhost")
        ferry("copy", "--no-progress", s, one)
        ferry("copy", *MOVE, "--overwrite", "always", one, two, cwd=work, expect=1)
        ferry("copy", "--no-progress", one, f"{work}/back")
        check(texts(f"{work}/back") == texts(s), f"{texts(f'{work}/back')}")
        done = ferry("copy", *MOVE, "--overwrite", "always", "--map", r"re:(.*)=>\1", one, one, cwd=work, expect=(1, 2))
        check(server.stats()["objects"] == 3, f"{server.stats()} {done}")
        done = ferry("migrate", *MOVE, "--archive", two, one, f"{work}/d", cwd=work, expect=1)
        check(server.stats()["objects"] >= 3, f"{server.stats()} {done}")


def an_archive_is_never_overwritten():
    with workspace("archive") as work:
        s, d = tree(work)
        write(f"{work}/arc/1", "PRECIOUS")
        ferry("copy", *MOVE, "--archive", f"{work}/arc", s, d, cwd=work, expect=1)
        check(read(f"{work}/arc/1") == "PRECIOUS" and read(f"{s}/1") is not None, f"{texts(work)}")
        check(read(f"{work}/arc/2") == "bytes of 2" and read(f"{s}/2") is None, f"{texts(work)}")
        for place in (s, d, f"{d}/below"):
            ferry("migrate", *MOVE, "--archive", place, s, d, cwd=work, expect=2)


def a_rollback_keeps_the_only_copy_of_what_was_moved():
    with workspace("anew") as work:
        s, d = tree(work)
        ferry("migrate", *MOVE, s, d, cwd=work)
        write(f"{s}/1", "NEW")
        done = ferry("rollback", "--yes", cwd=work, expect=1)
        check(read(f"{d}/1") == "bytes of 1" and read(f"{s}/1") == "NEW", f"{texts(work)} {done}")
        check(read(f"{s}/2") == "bytes of 2" and read(f"{d}/2") is None, f"{texts(work)}")


def a_rollback_publishes_nothing_but_what_was_moved():
    with workspace("rotten") as work:
        s, d = tree(work)
        ferry("migrate", *MOVE, s, d, cwd=work)
        st = os.stat(f"{d}/1")
        with open(f"{d}/1", "r+") as f:
            f.write("B")
        os.utime(f"{d}/1", ns=(st.st_atime_ns, st.st_mtime_ns))
        for _ in range(2):
            done = ferry("rollback", "--yes", cwd=work, expect=1)
            check(read(f"{s}/1") is None and read(f"{d}/1") == "Bytes of 1" and "1: failed" in done.err, f"{texts(work)} {done}")
        os.remove(f"{d}/1")
        ferry("rollback", "--yes", cwd=work, expect=1)
        write(f"{s}/1", "Bytes of 1")                    # not what was moved, and the only thing that is left of it
        done = ferry("rollback", "--yes", cwd=work, expect=1)
        check("lost" in done.err, f"{done}")
        check(read(f"{s}/2") == "bytes of 2" and read(f"{d}/2") is None, f"{texts(work)}")


def a_verify_between_does_not_forget_the_deleted_source():
    with workspace("verify") as work:
        s, d = tree(work)
        ferry("migrate", *MOVE, "--archive", f"{work}/arc", s, d, cwd=work)
        os.remove(f"{d}/1")
        ferry("verify", cwd=work, expect=1)
        ferry("rollback", "--yes", cwd=work)
        check(texts(s) == {n: f"bytes of {n}" for n in "123"}, f"{texts(work)}")


def a_lost_archive_is_no_hole():
    with workspace("lost") as work:
        s, d = tree(work)
        ferry("migrate", *MOVE, "--archive", f"{work}/arc", s, d, cwd=work)
        os.remove(f"{work}/arc/1")                       # the copy is there
        os.remove(f"{work}/arc/2"), os.remove(f"{d}/2")  # nothing is there
        done = ferry("--json", "rollback", "--yes", cwd=work, expect=1)
        check(read(f"{s}/1") == "bytes of 1" and read(f"{s}/3") == "bytes of 3", f"{texts(work)}")
        check([p["key"] for p in done.json()["problems"]] == ["2"], f"{done}")
        write(f"{work}/arc/2", "bytes of 2")
        ferry("rollback", "--yes", cwd=work)
        check(read(f"{s}/2") == "bytes of 2", f"{texts(work)}")


def a_later_run_does_not_forget_the_archive():
    with workspace("forget") as work:
        s, d = tree(work)
        ferry("migrate", *MOVE, "--archive", f"{work}/arc", s, d, cwd=work)
        write(f"{s}/4", "later")
        ferry("migrate", "--no-progress", s, d, cwd=work)
        ferry("migrate", *MOVE, "--archive", f"{work}/another", s, d, cwd=work, expect=2)
        os.remove(f"{d}/1")
        ferry("rollback", "--yes", cwd=work)
        check(texts(s) == {**{n: f"bytes of {n}" for n in "123"}, "4": "later"}, f"{texts(work)}")


def memory_is_no_destination_of_a_migration():
    with workspace("memory") as work:
        s, _ = tree(work)
        ferry("migrate", "--no-progress", s, "memory:", cwd=work, expect=2)
        ferry("copy", *MOVE, s, "memory:", cwd=work, expect=2)
        for command in ("copy", "migrate"):
            ferry(command, *MOVE, "--archive", "memory:", s, f"{work}/dst", cwd=work, expect=2)
        check(len(texts(s)) == 3, f"{texts(s)}")


def what_is_not_verified_is_kept_and_counted():
    with workspace("copied") as work, Sinkd() as server:      # which confirms no digest
        s, _ = tree(work)
        for command in ("copy", "migrate"):
            done = ferry("--json", command, *MOVE, s, server.text(prefix=f"{command}/"), cwd=work, expect=1)
            check(len(texts(s)) == 3 and done.json()["kept_sources"] == 3, f"{done}")


main(a_copy_that_is_gone_or_changed_keeps_its_source, one_bucket_under_two_names_is_kept, an_archive_is_never_overwritten, a_rollback_keeps_the_only_copy_of_what_was_moved,
     a_rollback_publishes_nothing_but_what_was_moved, a_verify_between_does_not_forget_the_deleted_source, a_lost_archive_is_no_hole, a_later_run_does_not_forget_the_archive, memory_is_no_destination_of_a_migration,
     what_is_not_verified_is_kept_and_counted)
