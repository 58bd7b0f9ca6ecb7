#!/usr/bin/env python3
"""No false success: what verify, retry and the listings of a run say is what is there."""
import os
import shutil
import subprocess

from support import BIN, Sinkd, check, environment, ferry, main, workspace

NOBODY = 65534


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def tree(work, objects=5):
    for i in range(1, objects + 1):
        write(f"{work}/src/{i}", f"bytes of {i}")
    return f"{work}/src", f"{work}/dst"


def links_are_followed_by_what_comes_after_the_migration():
    with workspace("links") as work:
        s, d = tree(work, 1)
        write(f"{s}/real/linked", "linked")
        os.symlink("real/linked", f"{s}/link")
        ferry("migrate", "--no-progress", "--links", "follow", s, d, cwd=work)
        for name in ("1", "link", "real/linked"):
            os.remove(f"{d}/{name}")
        ferry("verify", cwd=work, expect=1)
        ferry("retry", cwd=work)
        check(open(f"{d}/link").read() == "linked", "retry has not brought the linked object back")
        ferry("verify", "--verify", "full", cwd=work)



def read(path):
    return open(path).read() if os.path.exists(path) else None


def counts(done):
    return done.json()["objects"]


def as_nobody(*arguments, cwd, expect):
    """As a user whom modes of folders mean something to."""
    for base, folders, files in os.walk(cwd):
        for name in [base, *(os.path.join(base, n) for n in folders + files)]:
            if os.geteuid() == 0:
                os.chown(name, NOBODY, NOBODY, follow_symlinks=False)
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([BIN, *arguments], cwd=cwd, env=environment(HOME=cwd), capture_output=True, text=True, timeout=120, **who)
    check(done.returncode == expect, f"{arguments}: exit {done.returncode} instead of {expect}: {done.stdout} {done.stderr}")
    return done.stdout + done.stderr


def a_retry_takes_all_that_is_to_be_mended():
    """The limit of a migrate was that run's."""
    with workspace("limit") as work:
        s, d = tree(work)
        ferry("migrate", "--no-progress", s, d, cwd=work)
        ferry("migrate", "--no-progress", "--limit", "1", s, d, cwd=work)
        gone = [n for n in sorted(os.listdir(d)) if os.path.isfile(f"{d}/{n}")][:3]
        check(len(gone) == 3, f"{gone}")
        for name in gone:
            os.remove(f"{d}/{name}")
        ferry("verify", cwd=work, expect=1)
        ferry("retry", "--no-progress", "--limit", "1", cwd=work, expect=1)
        check(sum(os.path.exists(f"{d}/{n}") for n in gone) == 1, "a limit that is typed holds")
        ferry("retry", "--no-progress", cwd=work)
        check(all(os.path.exists(f"{d}/{n}") for n in gone), f"{os.listdir(d)}")


def verify_compares_the_storages_whatever_a_journal_says():
    with workspace("compare") as work:
        s, d = tree(work)
        ferry("migrate", "--no-progress", "--limit", "2", s, d, cwd=work)
        done = ferry("--json", "verify", s, d, cwd=work, expect=1)
        check(counts(done) == {"verified": 2, "missing_at_destination": 3}, f"{done}")
        check(len(done.json()["problems"]) == 3, f"{done}")
        ferry("verify", cwd=work, expect=1)
        done = ferry("status", cwd=work)
        check("3  pending" in done.out and "to go on: fileferry migrate" in done.err, f"{done}")
        ferry("migrate", "--no-progress", s, d, cwd=work)
        ferry("verify", cwd=work)
        ferry("verify", s, d, cwd=work)
        write(f"{s}/new", "new")
        write(f"{s}/1", "changed")
        done = ferry("--json", "verify", "--verify", "full", s, d, cwd=work, expect=1)
        check(counts(done) == {"verified": 4, "different": 1, "missing_at_destination": 1}, f"{done}")
        check([p["key"] for p in done.json()["problems"]] == ["1", "new"], f"{done}")
        ferry("verify", "--verify", "full", "--journal", f".fileferry/{[n for n in os.listdir(f'{work}/.fileferry') if n.endswith('.db')][0]}", s, d, cwd=work, expect=1)
        ferry("retry", cwd=work)                         # the rows know of the difference
        check(read(f"{d}/1") == "changed" and read(f"{d}/new") is None, "retry mends what the migration had copied")
        ferry("migrate", "--no-progress", s, d, cwd=work)
        ferry("verify", s, d, cwd=work)
        ferry("rollback", "--yes", cwd=work)
        ferry("verify", s, d, cwd=work, expect=1)
        ferry("verify", cwd=work, expect=1)
        check("rolled back" in ferry("status", cwd=work).out, "a verify does not call a migration done that was rolled back")
        ferry("verify", "--journal", ".fileferry/none.db", s, d, cwd=work, expect=2)


def verify_looks_at_the_copies_of_removed_sources():
    with workspace("removed") as work:
        s, d = tree(work)
        ferry("migrate", "--no-progress", "--delete-source", "--yes", s, d, cwd=work)
        done = ferry("--json", "verify", s, d, cwd=work)
        check(counts(done) == {"source_deleted": 5}, f"{done}")
        write(f"{d}/3", "bytes of X")
        done = ferry("--json", "verify", "--verify", "full", s, d, cwd=work, expect=1)
        check(counts(done) == {"source_deleted": 4, "different": 1}, f"{done}")


def a_folder_that_cannot_be_read_is_named_and_the_rest_goes_on():
    with workspace("unread") as work:
        s, d = tree(work)
        write(f"{s}/secret/x", "x")
        write(f"{s}/deep/secret/y", "y")
        write(f"{s}/deep/z", "z")
        one = ("--journal", "one.db")
        for mode in (0o000, 0o400, 0o100):
            for folder in ("secret", "deep/secret"):
                os.chmod(f"{s}/{folder}", mode)
            said = as_nobody("ls", "-r", "./src", cwd=work, expect=1)
            check("deep/z" in said and "secret/: not listed" in said, said)
            as_nobody("ls", "./src", cwd=work, expect=0 if mode & 0o400 else 1)  # names that can be read are enough for one level
            check("not counted" in as_nobody("plan", "./src", "./dst", cwd=work, expect=1), "plan")
            said = as_nobody("migrate", "--no-progress", "--delete-source", "--yes", *one, "./src", "./dst", cwd=work, expect=1)
            check("secret/: not listed" in said and "deep/secret/: not listed" in said and "2  not listed" in said, said)
            check(read(f"{d}/deep/z") == "z" and read(f"{s}/1") is None, f"the rest went on: {said}")
            check("secret/: not listed" in as_nobody("report", *one, cwd=work, expect=0), "report")
            as_nobody("verify", "./src", "./dst", cwd=work, expect=1)
            as_nobody("missing", "./src", "./dst", cwd=work, expect=1)
            said = as_nobody("retry", *one, cwd=work, expect=1)
            check("2  not listed" in said and "vanished" not in said, said)
            as_nobody("rollback", "--yes", *one, cwd=work, expect=0)
            as_nobody("copy", "--no-progress", "--exclude", "/secret/", "./src", "./dst", cwd=work, expect=1)
            as_nobody("copy", "--no-progress", "--exclude", "secret/**", "./src", "./dst", cwd=work, expect=0)
            for folder in ("secret", "deep/secret"):
                os.chmod(f"{s}/{folder}", 0o700)
            shutil.rmtree(d)
        as_nobody("migrate", "--no-progress", *one, "./src", "./dst", cwd=work, expect=0)
        check(read(f"{d}/secret/x") == "x" and read(f"{d}/deep/secret/y") == "y", "a later run takes what can be read by then")
        as_nobody("verify", "./src", "./dst", cwd=work, expect=0)


def files_that_can_be_no_object_are_named():
    with workspace("names") as work:
        s, d = tree(work, 1)
        folder = s
        for _ in range(6):
            folder += "/" + "n" * 200
            os.makedirs(folder)
        write(f"{folder}/far", "far")
        for words in (("migrate", "--no-progress", s, d), ("copy", "--no-progress", s, d), ("verify", s, d), ("missing", s, d), ("plan", s, d), ("ls", "-r", s), ("stats", s)):
            done = ferry(*words, cwd=work, expect=1)
            check("1024 bytes" in done.out + done.err, f"{words}: {done}")
        check(read(f"{d}/1") == "bytes of 1", "the rest went on")
        done = ferry("report", cwd=work)
        check("not listed" in done.out, f"{done}")
        write(f"{work}/blobs/ab/cd/abcdefgh", "in its place")
        write(f"{work}/blobs/wrong/place", "not in its place")
        source = f"file://{work}/blobs?layout=activestorage"
        done = ferry("--json", "migrate", "--no-progress", "--delete-source", "--yes", source, f"{work}/moved", cwd=work, expect=1)
        check(counts(done) == {"source_deleted": 1, "not_listed": 1}, f"{done}")
        check(read(f"{work}/blobs/wrong/place") is not None and read(f"{work}/moved/abcdefgh") == "in its place", f"{done}")


def a_source_that_is_not_there_is_an_error():
    with workspace("typo") as work, Sinkd() as server:
        s, d = tree(work)
        ferry("copy", "--no-progress", s, server.text(prefix="in/"))
        typo, good = server.text(prefix="typo/"), server.text(prefix="in/")
        for words in (("migrate", "--no-progress"), ("copy", "--no-progress"), ("verify",), ("missing",), ("copy", "--no-progress", "--delete-source", "--yes"), ("plan",)):
            done = ferry(*words, typo, f"{work}/x", cwd=work, expect=1)
            check("typo" in done.err, f"{words}: {done}")
        # What a run has moved away is no error for the next one.
        for command in ("migrate", "copy"):
            ferry("copy", "--no-progress", s, good)
            for _ in range(2):
                ferry(command, "--no-progress", "--delete-source", "--yes", good, f"{work}/{command}", cwd=work, expect=(0, 1) if command == "copy" else None)
        os.makedirs(f"{work}/empty/inner")
        ferry("copy", "--no-progress", f"{work}/empty", d, cwd=work)
        os.makedirs(f"{work}/config")
        write(f"{work}/config/storage.yml", f"media:\n  service: local\n  root: {work}/empty\n")
        ferry("copy", "--no-progress", "media:inner/", d, cwd=work)
        ferry("copy", "--no-progress", "media:none/", d, cwd=work, expect=1)
        os.symlink(f"{s}/1", f"{work}/link")
        done = ferry("copy", "--no-progress", "./link", "./one", cwd=work, expect=2)
        check("symbolic link" in done.err, f"{done}")
        ferry("copy", "--no-progress", "--links", "follow", s, d, cwd=work)


main(links_are_followed_by_what_comes_after_the_migration, a_retry_takes_all_that_is_to_be_mended, verify_compares_the_storages_whatever_a_journal_says, verify_looks_at_the_copies_of_removed_sources,
     a_folder_that_cannot_be_read_is_named_and_the_rest_goes_on, files_that_can_be_no_object_are_named, a_source_that_is_not_there_is_an_error)
