#!/usr/bin/env python3
"""Includes point downward, third-party headers stay in their folder, and the library neither prints nor throws."""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SRC = os.path.join(ROOT, "src")

# folder -> folders of src/ that it may include besides itself
ALLOWED = {
    "base": set(),
    "runtime": {"base"},
    "http": {"base", "runtime"},
    "codec": {"base", "runtime"},
    "core": {"base", "runtime"},
    "providers/memory": {"base", "runtime", "core"},
    "providers/local": {"base", "runtime", "core", "codec"},
    "providers/s3": {"base", "runtime", "core", "codec", "http"},
    "layers": {"base", "runtime", "core"},
    "journal": {"base"},
    "transfer": {"base", "runtime", "core"},
    "migrate": {"base", "runtime", "core", "transfer", "journal"},
    "config": {"base", "runtime", "core", "codec", "layers", "providers/memory", "providers/local", "providers/s3"},
    "testing": {"base", "runtime", "core", "layers", "codec"},
    "cli": set(),   # public headers only
}
# third-party header -> folders that may include it
THIRD_PARTY = {
    r"curl/": {"http"}, r"sqlite3\.h": {"journal"}, r"libxml/": {"codec"}, r"simdjson": {"codec"}, r"yaml-cpp/": {"codec"},
    r"nlohmann/": {"codec", "cli", "testing"}, r"openssl/": {"base", "providers/s3", "http"}, r"re2/": {"transfer"}, r"magic\.h": {"core"},
    r"CLI/": {"cli"}, r"archive": {"codec"},
}
FORBIDDEN = [
    (r"^\s*#\s*include\s*<iostream>", "the library does not print"),
    (r"\bstd::c(out|err)\b|\bprintf\s*\(|\bfprintf\s*\(\s*std(out|err)", "the library does not print"),
    (r"^\s*throw\b|[;{}]\s*throw\b", "errors are values"),
    (r"\b(abort|exit|_exit)\s*\(", "the library does not end the program"),
    (r"(?<![\w:])::(open|openat|read|write|pread|pwrite|fsync|rename|renameat|unlink|unlinkat|mkdir|mkdirat|close|ftruncate|stat|fstat|lstat)\s*\(",
     "system calls on files go through fileferry::sys"),
]
problems = []


def folder_of(path):
    relative = os.path.relpath(path, SRC)
    parts = relative.split(os.sep)
    return "/".join(parts[:2]) if parts[0] == "providers" and len(parts) > 2 else parts[0]


def strip_comments(text):
    text = re.sub(r'R"(\w*)\((.*?)\)\1"', '""', text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(\\.|[^"\\\n])*"', lambda m: m.group(0) if "/" in m.group(0) and m.group(0).endswith('.h"') else '""', text)


for base, _, files in os.walk(SRC):
    for name in files:
        if not name.endswith((".h", ".cc")):
            continue
        path = os.path.join(base, name)
        folder = folder_of(path)
        where = os.path.relpath(path, ROOT)
        text = open(path, encoding="utf-8").read()
        if folder not in ALLOWED:
            problems.append(f"{where}: src/{folder} is not in the table of folders")
            continue
        if not text.startswith("//"):
            problems.append(f"{where}: does not say at its top what it is for")
        for match in re.finditer(r'^\s*#\s*include\s*([<"])([^">]+)[">]', text, re.M):
            kind, target = match.groups()
            if kind == '"':
                if target.startswith("fileferry/"):
                    continue
                if "/" not in target:
                    if folder == "cli" or os.path.exists(os.path.join(base, target)):
                        continue
                to = folder_of(os.path.join(SRC, target))
                if to != folder and to not in ALLOWED[folder]:
                    problems.append(f"{where}: may not include {target}")
            for pattern, folders in THIRD_PARTY.items():
                if re.match(pattern, target) and folder not in folders:
                    problems.append(f"{where}: {target} belongs to {', '.join(sorted(folders))}")
        if folder not in ("cli", "testing"):
            code = strip_comments(text)
            for pattern, reason in FORBIDDEN:
                if pattern.startswith(r"(?<![\w:])::(open") and name in ("sys.cc",):
                    continue
                for match in re.finditer(pattern, code, re.M):
                    line = code.count("\n", 0, match.start()) + 1
                    problems.append(f"{where}:{line}: {reason}: {match.group(0).strip()}")

for base, _, files in os.walk(os.path.join(ROOT, "include")):
    for name in files:
        if not name.endswith(".h"):
            continue
        path = os.path.join(base, name)
        for match in re.finditer(r'^\s*#\s*include\s*([<"])([^">]+)[">]', open(path, encoding="utf-8").read(), re.M):
            kind, target = match.groups()
            if (kind == '"' and not target.startswith("fileferry/")) or (kind == "<" and "/" in target) or target.endswith(".h") and kind == "<":
                problems.append(f"{os.path.relpath(path, ROOT)}: public headers include the standard library and each other only, not {target}")

for problem in problems:
    print(problem)
print(f"{len(problems)} problems")
sys.exit(1 if problems else 0)
