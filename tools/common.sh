# Shared by run, test and dev (sourced; expects the checkout as the working directory).

# pw_configure PRESET: runs CMake when this build folder has not been set up from the presets as they are now. What
# changes inside CMake files ninja notices by itself.
pw_configure() {
  local stamp=build/$1/.configured
  if [ ! -e "build/$1/build.ninja" ] || [ ! "$stamp" -nt CMakePresets.json ]; then
    mkdir -p "build/$1"
    cmake --preset "$1" >"build/$1/configure.log" 2>&1 || {
      cat "build/$1/configure.log" >&2
      return 1
    }
    touch "$stamp"
  fi
}

# pw_build PRESET [TARGET…]
pw_build() {
  local preset=$1
  shift
  pw_configure "$preset" && cmake --build "build/$preset" ${1:+--target "$@"}
}

# The buses with a server of their own, which tools/bus/server.py starts.
pw_buses=(redis nats kafka zookeeper rocketmq)

# pw_start_bus KIND: starts the bus's server and waits until it can be used. It lives as long as descriptor 9 is open in
# this process or in one that inherits it, in a session of its own: Ctrl-C is for the nodes, which say goodbye first.
# Afterwards pw_bus_settings holds the arguments of `pushwire serve` that reach it.
pw_start_bus() {
  local line
  tools/install.sh "bus-$1"
  mkdir -p "build/bus/$1"
  echo "Starting the server of the bus ($1), data in build/bus/$1"
  coproc pw_bus_server { exec setsid python3 tools/bus/server.py "$1" --dir "build/bus/$1"; }
  # Opened anew: a copy of a coprocess's descriptor would be closed by exec.
  exec 9>"/proc/$$/fd/${pw_bus_server[1]}"
  if ! read -r line <&"${pw_bus_server[0]}"; then
    echo "The server of the bus ($1) did not start" >&2
    return 1
  fi
  mapfile -t pw_bus_settings < <(python3 -c '
import json, sys
for key, value in json.loads(sys.argv[1])["set"].items():
    print("--set", f"{key}={value}", sep="\n")' "$line")
}

# pw_check_bus KIND: ends the program with a list of kinds if this is none.
pw_check_bus() {
  local kind
  for kind in "${pw_buses[@]}"; do
    [ "$kind" != "$1" ] || return 0
  done
  printf 'no bus "%s": expected one of %s\n' "$1" "${pw_buses[*]}" >&2
  exit 2
}
