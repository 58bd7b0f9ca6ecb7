#!/usr/bin/env python3
"""Pages that are made from tables equal their tables: docs/errors.md (errors.def), docs/fileferry.1 and the completions (the table of commands).

    FILEFERRY_BIN=… python3 pages_test.py            compares
    FILEFERRY_BIN=… python3 pages_test.py --write    writes the pages
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("FILEFERRY_BIN", os.path.join(ROOT, "build", "release", "src", "cli", "fileferry"))
ROW = re.compile(r"^FILEFERRY_ERROR\((\w+), (-\d+), (\w+), (\w+), (\d), (\w+), \"(.*)\"\)$", re.M)
problems = []

INTRODUCTION = """# Errors

Every error of fileferry has one of these codes; the table is made from [`include/fileferry/errors.def`](../include/fileferry/errors.def), and a test
compares the two. The numbers never change: journals and programs keep them.

An error says what is wrong and the mend in one line, and where it happened: `fileferry: <storage>: <key>: <what> (<the service's own code>, HTTP <status>): <mend>`.
It never holds a secret.

| C++ (`fileferry::Code`) | number | C | Python and Ruby | exit status | tried again | meaning |
| --- | --- | --- | --- | --- | --- | --- |
"""
CLOSING = """
"Tried again" is what the retry layer does by default: `temporary` errors are tried up to 3 times with growing, random pauses; an error that was tried often
enough is no longer temporary. Some answers of a service are classified more exactly than their code (see the pages of the providers).

## Exit status of the command

| status | means |
| --- | --- |
| 0 | all is done |
| 1 | done, but some objects failed, differ or are missing |
| 2 | usage or configuration: nothing was tried |
| 3 | a storage cannot be used: unreachable, refused, or its bucket or folder is not there |
| 4 | stopped before the end, can be resumed: the same command goes on |

A bucket or folder that does not exist is status 3, an object that does not exist is status 1, although both are `kNotFound`.
"""


def errors_page():
    rows = ROW.findall(open(os.path.join(ROOT, "include", "fileferry", "errors.def"), encoding="utf-8").read())
    lines = [f"| `{name}` | {number} | `{c}` | `{host}` | {status} | {'temporary' if retry == 'kTemporary' else 'no'} | {text} |" for name, number, c, host, status, retry, text in rows]
    if len(rows) < 18:
        problems.append(f"errors.def: only {len(rows)} rows were understood")
    if len({row[1] for row in rows}) != len(rows) or len({row[2] for row in rows}) != len(rows):
        problems.append("errors.def: a number or a C name is used twice")
    return INTRODUCTION + "\n".join(lines) + "\n" + CLOSING


def made(*arguments):
    done = subprocess.run([BIN, *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or not done.stdout:
        problems.append(f"fileferry {' '.join(arguments)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def compare(path, text):
    full = os.path.join(ROOT, path)
    if "--write" in sys.argv:
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)
    elif not os.path.exists(full) or open(full, encoding="utf-8").read() != text:
        problems.append(f"{path} is not what it is made from: run tests/cli/pages_test.py --write")


def bash_completes(script, words, wanted):
    """What bash offers for the last of `words`."""
    program = f"source {script}; COMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; compopt() {{ :; }}; _fileferry; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=30)
    offered = done.stdout.split()
    if done.returncode != 0 or not set(wanted) <= set(offered):
        problems.append(f"bash completion of {words}: {offered} {done.stderr}, not {wanted}")


def main():
    compare("docs/errors.md", errors_page())
    man = made("completion", "man")
    compare("docs/fileferry.1", man)
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "fileferry.bash")
        with open(script, "w", encoding="utf-8") as out:
            out.write(made("completion", "bash"))
        bash_completes(script, ["fileferry", "mi"], ["migrate", "missing"])
        bash_completes(script, ["fileferry", "config", ""], ["show", "validate"])
        bash_completes(script, ["fileferry", "copy", "--over"], ["--overwrite"])
        bash_completes(script, ["fileferry", "copy", "--overwrite", "ch"], ["changed"])
        bash_completes(script, ["fileferry", "-c", "x.yml", "completion", ""], ["bash", "zsh"])
        zsh = os.path.join(folder, "_fileferry")
        with open(zsh, "w", encoding="utf-8") as out:
            out.write(made("completion", "zsh"))
        if shutil.which("zsh") and subprocess.run(["zsh", "-n", zsh], timeout=30).returncode != 0:
            problems.append("zsh does not read its completion")
        if shutil.which("man"):
            page = os.path.join(folder, "fileferry.1")
            with open(page, "w", encoding="utf-8") as out:
                out.write(man)
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True, timeout=60, env={**os.environ, "MANROFFSEQ": ""})
            if done.returncode != 0 or done.stderr.strip():
                problems.append(f"man: {done.stderr[:500]}")
    # every command's help is there and names its options
    for name in re.findall(r"^  (\w+(?: \w+)?) {2,}", made("--help").split("A storage is written")[0], re.M):
        if f"fileferry {name}" not in made(*name.split(), "--help"):
            problems.append(f"no help for {name}")
        examples = re.findall(r"^  (\S.*)\n      \S", made(*name.split(), "--help").split("\nExamples\n")[-1], re.M)
        for line in examples:
            if not re.search(r"(^|\| )fileferry ", line) or re.search(r"(^|[^'\S])[^'\s]*\?", line):
                problems.append(f"{name}: an example that a shell does not take as it is: {line}")
        if not examples:
            problems.append(f"{name}: no example")
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
