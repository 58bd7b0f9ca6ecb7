#!/bin/sh
# run.sh BINARY SEEDS: one fuzzer for FILEFERRY_FUZZ_SECONDS (20).  What it finds is left beside the binary as BINARY-crash-...; its corpus is thrown away.
set -eu
binary=$1
seeds=$2
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT INT TERM
[ -d "$seeds" ] || seeds=
"$binary" -max_total_time="${FILEFERRY_FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=0 -verbosity=0 \
  -artifact_prefix="$binary-" "$corpus" ${seeds:+"$seeds"}
