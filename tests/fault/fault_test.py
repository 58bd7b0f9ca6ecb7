#!/usr/bin/env python3
"""Runs kth_test against the in-memory S3 endpoint: at least 5,000 runs with a fault, and every call site of the seam hit.

A site that no scenario reaches must stand in unreached.txt with a reason; a row there that was reached, or is no site, fails.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from support import ROOT, Sinkd, environment, workspace  # noqa: E402

PROGRAM = os.environ["FILEFERRY_KTH_TEST"]
AT_LEAST = 5000


def sites_in_source():
    """The places "file:line" that make a call through the seam; one that passes its caller's place on is none."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "src", "**", "*.cc"), recursive=True) + glob.glob(os.path.join(ROOT, "src", "**", "*.h"), recursive=True):
        name = os.path.relpath(path, ROOT)
        if os.path.basename(path) in ("sys.h", "sys.cc"):
            continue
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            if ", at)" not in line and re.search(r"\bsys::(?!IFaultHook|Verdict|Site|SetFaultHook|g_hook|Place|Ask\b)[A-Z]\w*\(", line.split("//")[0]):
                found.add(f"{name}:{number}")
    return found


def run(scenario):
    """One scenario in a process of its own, beside its own endpoint."""
    memory = "/dev/shm" if "FILEFERRY_TEST_TMP" not in os.environ and os.access("/dev/shm", os.W_OK) else None   # thousands of runs: no disk's fsync
    with workspace("kth", memory) as work, Sinkd() as server:
        text = f"s3://bucket/?endpoint={server.endpoint}&region=us-east-1&path_style=true"
        started = time.time()
        done = subprocess.run([PROGRAM, text, work, scenario], env=environment(), capture_output=True, text=True, errors="replace", timeout=1500)
        lines = done.stdout.splitlines()
        print("\n".join(line for line in lines if not line.startswith("site ")) + f" ({time.time() - started:.0f} s)\n" + done.stderr[-3000:], end="", flush=True)
        found = re.search(r"(\d+) runs with a fault", done.stdout)
        return done.returncode or (0 if found else 1), int(found.group(1)) if found else 0, {line.split()[-1] for line in lines if line.startswith("site ")}


scenarios = sys.argv[1:] or subprocess.run([PROGRAM, "--scenarios"], check=True, capture_output=True, text=True).stdout.split()
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    results = list(pool.map(run, scenarios))
runs, hit = sum(count for _, count, _ in results), set().union(*(sites for _, _, sites in results))
failed = any(code for code, _, _ in results)
if failed or len(sys.argv) > 1:
    sys.exit(1 if failed else 0)
wanted = sites_in_source()
reasons, problems = {}, []
for line in open(os.path.join(HERE, "unreached.txt"), encoding="utf-8"):
    if line.strip() and not line.startswith("#"):
        name, _, reason = line.strip().partition(" ")
        reasons[name] = reason
unreached = {}
for site in sorted(wanted - hit):      # a call that spans lines is hit at one of them
    file, number = site.rsplit(":", 1)
    if any(f"{file}:{int(number) + d}" in hit for d in (1, 2, -1)):
        continue
    unreached.setdefault(file, []).append(int(number))
for file, numbers in unreached.items():
    source = open(os.path.join(ROOT, file), encoding="utf-8").read().splitlines()
    for number in numbers:
        call = re.search(r"\bsys::(\w+)\(", source[number - 1]).group(1)
        if f"{file}/{call}" not in reasons:
            problems.append(f"not reached: {file}:{number} {call}  (add a scenario, or a row {file}/{call} with a reason)")
for row in reasons:
    file, _, call = row.rpartition("/")
    if not any(re.search(rf"\bsys::{call}\(", open(os.path.join(ROOT, file), encoding="utf-8").read().splitlines()[n - 1]) for n in unreached.get(file, [])):
        problems.append(f"unreached.txt: {row} is reached, or is no site")
if runs < AT_LEAST:
    problems.append(f"{runs} runs are fewer than {AT_LEAST}")
print("\n".join(problems))
print(f"{runs} runs with a fault, {len(hit)} sites hit, {sum(map(len, unreached.values()))} not reached and explained")
sys.exit(1 if problems else 0)
