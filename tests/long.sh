#!/usr/bin/env bash
# long.sh: what does not fit into CI's 45 minutes; run it before a release.  Last figures: docs/testing.md and docs/performance.md.
set -eu
cd "$(dirname "$0")/.."
export FILEFERRY_PYTHON=${FILEFERRY_PYTHON:-$PWD/build/venv/bin/python} FILEFERRY_BIN=${FILEFERRY_BIN:-$PWD/build/release/src/cli/fileferry}
export PATH="$(dirname "$FILEFERRY_PYTHON"):$PATH" PYTHONPATH=$PWD/tests/e2e:$PWD/tests/servers
echo "== 2,000 kills";                          "$FILEFERRY_PYTHON" tests/e2e/kill_test.py --kills 2000
echo "== 1,000,000 keys";                       FILEFERRY_LIMIT_KEYS=1000000 "$FILEFERRY_PYTHON" tests/e2e/limits_test.py many_keys
echo "== fuzzers, 10 minutes each";             FILEFERRY_FUZZ_SECONDS=600 ctest --test-dir build/asan -L fuzz --timeout 1200
echo "== the benchmark beside its peers";       bash tests/bench/peers.sh && FILEFERRY=$FILEFERRY_BIN tests/bench/run all --runs 5
