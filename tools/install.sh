#!/usr/bin/env bash
# Installs what Pushwire needs to be built (`build`), tested (`test`: includes build) or worked on (`dev`: includes test);
# or what starts a bus's server on this machine, and HAProxy for examples/cluster.
#
#   tools/install.sh build|test|dev|bus-redis|bus-nats|bus-kafka|bus-zookeeper|bus-rocketmq|proxy
#
# On Debian 12 missing packages come by apt (root or sudo). Python test packages go into .venv, Node ones into
# tests/node/node_modules, both pinned. When nothing is missing this takes a few hundredths of a second.
# On another system it says what to install and exits 2; PUSHWIRE_SKIP_INSTALL=1 says that all of it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(
  ca-certificates cmake g++ git libboost-json1.81-dev libboost1.81-dev libcli11-dev libexpected-dev libfmt-dev
  libhiredis-dev libnats-dev librdkafka-dev libspdlog-dev libssl-dev libtomlplusplus-dev liburing-dev
  libzookeeper-mt-dev ninja-build pkg-config prometheus-cpp-dev
)
test_packages=(
  bsdextrautils chromium chromium-driver clang-16 curl dnsutils haproxy libbenchmark-dev libclang-rt-16-dev libgmock-dev libgtest-dev
  liburing-dev maven nats-server openjdk-17-jre-headless openssl procps python3 python3-venv redis-server testssl.sh zookeeper
)
dev_packages=(ccache clang-format-14 clang-tidy-16 llvm-16)

fail() {
  printf '%s\n' "$*" >&2
  exit 2
}

is_debian_12() {
  [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ])
}

# Node 18 or newer may come from anywhere; Debian's own is 18.
has_node() {
  local version
  command -v npm >/dev/null && version=$(node --version 2>/dev/null) && version=${version#v} &&
    [ "${version%%.*}" -ge 18 ]
}

packages_for() {
  case "$1" in
    bus-redis) printf '%s\n' python3 redis-server && return ;;
    bus-nats) printf '%s\n' nats-server python3 && return ;;
    bus-zookeeper) printf '%s\n' openjdk-17-jre-headless python3 zookeeper && return ;;
    bus-kafka | bus-rocketmq) printf '%s\n' maven openjdk-17-jre-headless python3 && return ;;
    proxy) printf '%s\n' haproxy && return ;;
  esac
  local packages=("${build_packages[@]}")
  if [ "$1" != build ]; then
    packages+=("${test_packages[@]}")
    has_node || packages+=(nodejs npm)
  fi
  [ "$1" != dev ] || packages+=("${dev_packages[@]}")
  printf '%s\n' "${packages[@]}" | sort
}

missing_packages() {
  comm -23 <(packages_for "$1") \
    <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "Missing packages, and neither root nor sudo is here to install them. As root:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
}

install_packages() {
  mapfile -t missing < <(missing_packages "$1")
  if [ "${#missing[@]}" = 0 ]; then
    return
  fi
  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  # A list that cannot be fetched is no reason to stop: the install says what it really lacks.
  as_root "${apt[@]}" update >&2 || echo "apt-get update had errors; going on with the lists that are here" >&2
  as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

# Puts a note into FOLDER of what was installed, so that the next time is quick. installed_from FILE FOLDER
installed_from() {
  [ "$(cat "$2/.installed-from" 2>/dev/null)" = "$(sha256sum <"$1")" ]
}

# The system's python makes a venv for sure; another one in PATH is the second choice.
make_venv() {
  local python
  for python in /usr/bin/python3 python3; do
    if rm -rf .venv && "$python" -m venv .venv >/dev/null 2>&1; then
      return
    fi
  done
  fail "No python3 here can make a virtual environment (python3 -m venv); install python3-venv"
}

install_python_packages() {
  local list=tests/requirements.txt
  if installed_from "$list" .venv && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi
  echo "Installing Python test packages into .venv"
  make_venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r "$list"
  sha256sum <"$list" >.venv/.installed-from
}

install_node_packages() {
  local list=tests/node/package-lock.json
  if installed_from "$list" tests/node/node_modules; then
    return
  fi
  echo "Installing Node test packages into tests/node/node_modules"
  npm ci --prefix tests/node --silent --no-audit --no-fund
  sha256sum <"$list" >tests/node/node_modules/.installed-from
}

what=${1:-}
case "$what" in
  build | test | dev | proxy | bus-redis | bus-nats | bus-kafka | bus-zookeeper | bus-rocketmq) ;;
  *) fail "usage: tools/install.sh build|test|dev|proxy|bus-redis|bus-nats|bus-kafka|bus-zookeeper|bus-rocketmq" ;;
esac

if [ "${PUSHWIRE_SKIP_INSTALL:-}" != 1 ]; then
  if ! is_debian_12; then
    fail "This installs by itself only on Debian 12. Please install what these Debian 12 packages hold:
  $(packages_for "$what" | tr '\n' ' ')
(a C++20 compiler like g++ 12, CMake 3.25, Boost 1.81, OpenSSL 3$([ "$what" != test ] && [ "$what" != dev ] || echo ', clang 16, Python 3.11, Node 18'))
and say PUSHWIRE_SKIP_INSTALL=1 when they are there."
  fi
  install_packages "$what"
fi
if [ "$what" = test ] || [ "$what" = dev ]; then
  install_python_packages
  install_node_packages
fi
