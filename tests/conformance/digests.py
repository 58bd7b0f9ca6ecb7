#!/usr/bin/env python3
"""Fills in, or checks, the digests of cases/bodies.json with hashlib, zlib and bitwise CRCs: an oracle that shares nothing with the library.

    python3 digests.py --fill     writes them
    python3 digests.py            checks them, and the form of all cases (README.md), and that there are at least 200 of them
"""
import glob
import hashlib
import json
import os
import sys
import zlib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
CRC64 = (0x9A6C9329AC4BC9B5, (1 << 64) - 1)   # NVME, reflected
CRC32C = (0x82F63B78, (1 << 32) - 1)
STEP = {"op", "about", "ctx", "expect", "save", "via"}
INFO = {"code", "message", "http_status", "size", "body", "etag_is", "etag_is_not", "etag_present", "properties", "modified", "attempt_id", "digests", "confirmed",
        "stored_digests"}
LISTED = {"code", "message", "keys", "prefixes", "count", "sizes", "etags", "times", "modified", "contains"}
PUT = {"key", "body", "properties", "if_absent", "if_match", "digests", "attempt_id", "expected", "batch", "source"}
GET = {"key", "offset", "length", "if_match", "if_none_match", "version_id", "digests", "verify"}
QUERY = {"prefix", "start_after", "token", "delimiter", "limit"}
# operation -> fields of the step, fields of its expectation
OPERATIONS = {
    "put": (PUT, INFO), "put_many": ({"keys", "body"}, INFO), "round_trip": ({"keys"}, set()),
    "get": (GET | {"sink"}, INFO | {"one_of", "whole"}), "open": (GET | {"chunk", "during", "then", "no_info"}, INFO | {"one_of"}),
    "stat": ({"key"}, INFO), "remove": ({"key", "if_match", "version_id"}, INFO), "remove_many": ({"keys"}, {"code", "codes"}),
    "copy": ({"from", "to", "service", "if_absent", "if_match", "source_if_match", "attempt_id", "replace"}, INFO),
    "set_properties": ({"key", "properties"}, INFO), "get_access": ({"key", "acl", "tags"}, {"code", "properties"}), "url": ({"key", "method", "expires", "public"}, {"code", "expires", "url_is_not"}),
    "check_key": ({"key"}, {"code"}), "health": (set(), {"code"}), "identity": (set(), {"name", "scheme"}),
    "list": (QUERY, LISTED | {"more", "at_least"}), "list_all": (QUERY | {"reopen"}, LISTED), "list_uploads": ({"prefix"}, {"code", "uploads", "keys"}),
    "create_upload": ({"key", "properties", "size", "part_size", "attempt_id"}, {"code"}),
    "upload_part": ({"key", "upload", "number", "offset", "size", "body", "source"}, {"code", "message"}),
    "upload_part_copy": ({"key", "upload", "number", "offset", "size", "from", "service", "source_if_match"}, {"code"}),
    "list_parts": ({"key", "upload"}, {"code", "numbers", "sizes"}),
    "complete": ({"key", "upload", "parts", "size", "body", "crc64", "if_absent", "if_match", "attempt_id", "properties", "batch"}, INFO),
    "abort": ({"key", "upload"}, {"code"}), "batch_new": ({"name"}, {"code"}), "batch_pending": ({"name"}, {"count", "bytes"}),
    "batch_commit": ({"name"}, {"results", "count"}), "batch_drop": ({"name"}, set()), "each": ({"as", "values", "steps"}, set()),
    "race": ({"threads", "step", "codes"}, set()), "parallel": ({"branches"}, set()), "reopen": (set(), set()),
}


def generate(seed, size):
    out = bytearray()
    block = 0
    while len(out) < size:
        out += hashlib.sha256(f"{seed}:{block}".encode()).digest()
        block += 1
    return bytes(out[:size])


def crc(parameters, data):
    polynomial, ones = parameters
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    state = ones
    for byte in data:
        state = (state >> 8) ^ table[(state ^ byte) & 255]
    return state ^ ones


def digests(data):
    out = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "sha1": hashlib.sha1(data).hexdigest(),
           "crc32": f"{zlib.crc32(data):08x}"}
    if len(data) <= 2 << 20:
        out["crc32c"] = f"{crc(CRC32C, data):08x}"
        out["crc64"] = f"{crc(CRC64, data):016x}"
    return out


def bodies(fill):
    assert crc(CRC64, b"123456789") == 0xAE8B14860A799888 and crc(CRC32C, b"123456789") == 0xE3069283
    path = os.path.join(FOLDER, "bodies.json")
    with open(path, encoding="ascii") as file:
        table = json.load(file)
    problems = []
    for name, row in table["bodies"].items():
        data = row["text"].encode() if "text" in row else generate(row["seed"], row["size"])
        right = digests(data)
        if fill:
            row.update(right)
        elif {kind: row.get(kind) for kind in right} != right:
            problems.append(f"bodies.json: the digests of {name} are not those of its bytes")
    if fill:
        with open(path, "w", encoding="ascii") as file:
            rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in table["bodies"].items())
            file.write('{\n  "about": ' + json.dumps(table["about"]) + ',\n  "bodies": {\n' + rows + "\n  }\n}\n")
    return problems, set(table["bodies"])


def check_body(value, known):
    if isinstance(value, str):
        return value in known
    if not isinstance(value, dict):
        return False
    if "of" in value:
        return check_body(value["of"], known) and set(value) <= {"of", "from", "size"}
    if "concat" in value:
        return all(check_body(part, known) for part in value["concat"])
    return set(value) == {"text"} or "var" in value


def check_steps(steps, known, where, problems):
    for step in steps:
        op = step.get("op")
        if op not in OPERATIONS:
            problems.append(f"{where}: no operation {op}")
            continue
        fields, expectations = OPERATIONS[op]
        expect = step.get("expect", {})
        for name in set(step) - STEP - fields:
            problems.append(f"{where}: {op} has no field {name}")
        for name in set(expect) - expectations:
            problems.append(f"{where}: nothing answers the expectation {name} of {op}")
        for value in [v for v in (step.get("body"), expect.get("body"), expect.get("whole")) if v is not None] + expect.get("one_of", []):
            if not check_body(value, known):
                problems.append(f"{where}: not a body: {value}")
        for branch in step.get("branches", []):
            check_steps(branch["steps"], known, where, problems)
        check_steps(step.get("steps", []) + step.get("during", []) + ([step["step"]] if "step" in step else []), known, where, problems)


def main():
    problems, known = bodies("--fill" in sys.argv[1:])
    names, texts = set(), {}
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.json"))):
        area = os.path.basename(path)[:-5]
        if area == "bodies":
            continue
        with open(path, encoding="ascii") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            where = f"{area}.{case['name']}"
            if where in names:
                problems.append(f"{where}: there are two of this name")
            names.add(where)
            text = json.dumps([case.get("needs"), case.get("off"), case["steps"]], sort_keys=True)
            if text in texts:
                problems.append(f"{where} is the same as {texts[text]}")
            texts[text] = where
            for name in set(case) - {"name", "about", "needs", "off", "steps", "bad_keys"}:
                problems.append(f"{where}: a case has no field {name}")
            check_steps(case["steps"], known, where, problems)
    if len(names) < 200:
        problems.append(f"there are only {len(names)} cases")
    for problem in problems:
        print(problem)
    print(f"{len(names)} cases, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
