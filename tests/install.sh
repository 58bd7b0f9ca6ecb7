# install.sh: what building and testing need on Debian 12, sourced by examples/quickstart.sh and tests/run.sh.
# Installs only what is missing; uses sudo when it is not root.

ferry_as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# ferry_packages NAME...: Debian packages
ferry_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  echo "installing ${missing[*]}"
  ferry_as_root apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive ferry_as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

ferry_build_packages="g++ cmake ninja-build ccache pkg-config libcurl4-openssl-dev libssl-dev libxml2-dev libsimdjson-dev libfmt-dev
  libsqlite3-dev libyaml-cpp-dev libmagic-dev libcli11-dev libre2-dev nlohmann-json3-dev"

# ferry_python FOLDER PACKAGE...: a virtual environment with these packages from PyPI; sets FILEFERRY_PYTHON
ferry_python() {
  local folder=$1; shift
  local stamp="$folder/installed" want="$*"
  if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$want" ]; then
    ferry_packages python3 python3-venv
    echo "installing from PyPI: $want"
    python3 -m venv "$folder" 2>/dev/null || /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install -q --disable-pip-version-check "$@"
    echo "$want" > "$stamp"
  fi
  export FILEFERRY_PYTHON="$folder/bin/python"
  export PATH="$folder/bin:$PATH"
}

# ferry_build FOLDER [CMake options...]: configures and builds
ferry_build() {
  local folder=$1; shift
  cmake -S "$FERRY_ROOT" -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@" > "$folder.log" 2>&1 &&
    cmake --build "$folder" >> "$folder.log" 2>&1 || { echo "the build in $folder failed:"; grep -E 'error|FAILED|Error' -A5 "$folder.log" | head -60; return 1; }
}
