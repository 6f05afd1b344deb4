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
