#!/usr/bin/env bash
# run.sh BUILD-FOLDER: installs the project to a temporary folder, and builds and runs the program beside this file against what was installed: once by find_package,
# once by pkg-config --static.  The installed tree is moved before it is used: nothing in it may point back.
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/ferry-consume-XXXXXX")
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" > "$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/moved"
if grep -rlE "$work/first|$(cd "$here/../.." && pwd)/" "$work/moved" --include='*.cmake' --include='*.pc' --include='*.h'; then
  echo "these files point to the place where the project was built or installed"
  exit 1
fi

cp -r "$here" "$work/outside"
echo "== find_package(fileferry)"
cmake -S "$work/outside" -B "$work/by-cmake" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/moved" > "$work/log" 2>&1 &&
  cmake --build "$work/by-cmake" >> "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/by-cmake/consume"

echo "== pkg-config --static fileferry-testing"
pc=$(dirname "$(find "$work/moved" -name fileferry.pc)")
export PKG_CONFIG_PATH=$pc
${CXX:-c++} -std=c++20 -O1 -o "$work/by-pkg-config" "$work/outside/main.cc" $(pkg-config --static --cflags --libs fileferry-testing)
"$work/by-pkg-config"
