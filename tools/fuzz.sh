#!/usr/bin/env bash
# Replays what once crashed a fuzz target and its seeds, then fuzzes it for some seconds.
#
#   tools/fuzz.sh PROGRAM [SECONDS]      PROGRAM: build/fuzz/fuzz/<target>; SECONDS: else PUSHWIRE_FUZZ_SECONDS, else 10
#
# What it learns stays in build/fuzz/corpus/<target>. An input that fails is kept in build/fuzz/found/<target>; after the
# bug is mended it moves to fuzz/crashes/<target>.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
seconds=${2:-${PUSHWIRE_FUZZ_SECONDS:-10}}
target=$(basename "$program")
corpus=build/fuzz/corpus/$target
found=build/fuzz/found/$target
mkdir -p "$corpus" "$found"

known=()
for folder in "fuzz/crashes/$target" "fuzz/seeds/$target"; do
  [ ! -d "$folder" ] || known+=("$folder")
done
dictionary=()
[ ! -e "fuzz/$target.dict" ] || dictionary=("-dict=fuzz/$target.dict")
limits=(-timeout=10 -rss_limit_mb=2048 "-artifact_prefix=$found/" -print_final_stats=1)

if [ "${#known[@]}" != 0 ]; then
  "$program" "${limits[@]}" -runs=0 "${known[@]}"
fi
exec "$program" "${limits[@]}" "${dictionary[@]}" "-max_total_time=$seconds" "$corpus" "${known[@]}"
