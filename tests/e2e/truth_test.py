#!/usr/bin/env python3
"""What is called verified is proven: services that keep no digest of their own, copies inside one service, and rollback where versions are kept."""
import os
import urllib.parse

from servers import Moto
from support import Sinkd, boto, check, environment, ferry, main, s3_text, workspace

QUIET = "--no-progress"


def tree(work, count=5):
    os.makedirs(f"{work}/s")
    for i in range(count):
        with open(f"{work}/s/{i}", "w") as f:
            f.write(f"bytes of {i}, and a few more")
    return f"{work}/s"


def texts(folder):
    return {n: open(f"{folder}/{n}").read() for n in sorted(os.listdir(folder)) if not n.startswith(".")}


def states(work):
    return ferry("status", "--json", cwd=work, expect=None).json()["objects"]


def damage(server, key, bucket="bucket"):
    server.post(f"/_sinkd/damage?bucket={bucket}&key={urllib.parse.quote(key)}")


def a_flipped_bit_is_found_where_only_metadata_tells():
    """The digest that we wrote beside an object says nothing about its bytes: verify reads, and the source stays."""
    with workspace("metadata") as work, Sinkd() as server:
        s = tree(work)
        there = server.text(vendor="minio", payload_signing="never")
        ferry("migrate", QUIET, s, there, cwd=work)
        check(states(work).get("copied") == 5, states(work))
        damage(server, "3")
        before = server.stats()["ops"].get("GET", 0)
        done = ferry("verify", QUIET, cwd=work, expect=1)
        check("3" in done.out + done.err, f"the damaged key is not named: {done}")
        check(server.stats()["ops"]["GET"] - before >= 5, "the objects were not read")
        ferry("migrate", QUIET, "--delete-source", "--yes", s, there, cwd=work, expect=1)
        check(list(texts(s)) == ["3"], f"{texts(s)}")
        ferry("get", s3_text(server.endpoint, "bucket", "3", vendor="minio"), f"{work}/3", expect=(1, 3, 5))
        check(not os.path.exists(f"{work}/3"), "a damaged object was handed out")


def a_signed_body_that_the_service_checks_is_proven():
    with workspace("signed") as work, Sinkd() as server:
        s = tree(work)
        ferry("migrate", QUIET, "--delete-source", "--yes", s, server.text(vendor="minio", payload_signing="always"), cwd=work)
        check(not texts(s), f"{texts(s)}")


def an_object_that_another_program_replaced_with_our_metadata_is_read():
    with workspace("replaced") as work, Sinkd() as server:
        s = tree(work)
        there = server.text(vendor="minio")
        ferry("copy", QUIET, s, there)
        client = boto(server.endpoint)
        kept = client.head_object(Bucket="bucket", Key="1")["Metadata"]
        check("ferry-crc64" in kept and "ferry-size" in kept, kept)
        new = {"1": "bytes of 1, but quite others"[:len("bytes of 1, and a few more")], "2": "longer than it was before, by a good deal"}
        for key, text in new.items():
            client.put_object(Bucket="bucket", Key=key, Body=text.encode(), Metadata=kept)
        ferry("copy", QUIET, there, f"{work}/back")
        check(texts(f"{work}/back") == {**texts(s), **new}, f"{texts(f'{work}/back')}")
        damage(server, "4")
        done = ferry("copy", QUIET, there, f"{work}/again", expect=1)
        check("4" in done.out + done.err and "4" not in texts(f"{work}/again"), f"{done}")


def buckets_of_one_service_are_copied_inside():
    """Whatever the service knows of conditions: no body passes, nothing is replaced, and what another writer put there stays."""
    for vendor in ("minio", "ceph", "r2", "aws"):
        with workspace("inside") as work, Sinkd(("one", "two", "three")) as server:
            s = tree(work)
            one, two = (server.text(bucket, vendor=vendor) for bucket in ("one", "two"))
            ferry("copy", QUIET, s, one)
            boto(server.endpoint).put_object(Bucket="two", Key="2", Body=b"somebody else's")
            got = server.stats()["out"]
            done = ferry("migrate", QUIET, one, two, cwd=work, expect=1)
            found = states(work)
            check(found.get("conflict") == 1 and found.get("copied", 0) + found.get("verified", 0) == 4, f"{vendor}: {found} {done}")
            # The conflict alone is compared, by its size.
            check(server.stats()["out"] == got, f"{vendor}: bodies passed through the client")
            ferry("copy", QUIET, two, f"{work}/back")
            check(texts(f"{work}/back") == {**texts(s), "2": "somebody else's"}, f"{vendor}: {texts(f'{work}/back')}")
            ferry("verify", QUIET, cwd=work, expect=(0, 1))
            damage(server, "3", "two")
            check("3" in str(ferry("verify", QUIET, "--verify", "full", cwd=work, expect=1)), vendor)
            os.makedirs(f"{work}/full")
            ferry("migrate", QUIET, "--verify", "full", one, server.text("three", vendor=vendor), cwd=f"{work}/full")
            check(states(f"{work}/full").get("verified") == 5, f"{vendor}: {states(f'{work}/full')}")


def a_rollback_leaves_a_versioned_bucket_as_it_was():
    with workspace("versions") as work, Moto() as server:
        s = tree(work)
        client = boto(server.endpoint, server.access_key, server.secret_key)
        client.create_bucket(Bucket="kept")
        client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        client.put_object(Bucket="kept", Key="1", Body=b"before")
        client.delete_object(Bucket="kept", Key="1")
        before = {(v["Key"], v["VersionId"]) for v in client.list_object_versions(Bucket="kept").get("Versions", [])}
        env = environment(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
        ferry("migrate", QUIET, s, s3_text(server.endpoint, "kept", vendor="aws"), cwd=work, env=env)
        ferry("rollback", "--yes", QUIET, cwd=work, env=env)
        after = client.list_object_versions(Bucket="kept")
        check({(v["Key"], v["VersionId"]) for v in after.get("Versions", [])} == before, f"{after.get('Versions')}")
        check(len(after.get("DeleteMarkers", [])) == 1, f"{after.get('DeleteMarkers')}")


if __name__ == "__main__":
    main(a_flipped_bit_is_found_where_only_metadata_tells, a_signed_body_that_the_service_checks_is_proven, an_object_that_another_program_replaced_with_our_metadata_is_read,
         buckets_of_one_service_are_copied_inside, a_rollback_leaves_a_versioned_bucket_as_it_was)
