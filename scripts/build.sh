# Sourced by ./turnpike and ./check, after `root` is set and scripts/setup.sh is sourced: configure and build below build/.

# As many compilers at once as there are processors, and memory at 1.3 GB each.
job_count() {
  local jobs limit kb
  jobs=$(nproc)
  kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  if read -r limit 2>/dev/null </sys/fs/cgroup/memory.max && [[ $limit != max ]] && ((limit / 1024 < kb)); then
    kb=$((limit / 1024))
  fi
  ((kb / 1300000 < jobs)) && jobs=$((kb / 1300000))
  printf '%s\n' $((jobs > 0 ? jobs : 1))
}

# What a build folder was configured for; another value means configuring afresh.
configuration_key() { printf '%s\n' "$root|${CMAKE_PREFIX_PATH:-}|${CXX:-}"; }

# is_fresh PRESET FOLDER...: the last build is newer than everything in those folders and than the installed packages.
is_fresh() {
  local preset=$1 stamp=$root/build/$1/built key newer
  shift
  read -r key 2>/dev/null <"$stamp" && [[ $key == "$(configuration_key)" ]] || return 1
  [[ ! /var/lib/dpkg/status -nt $stamp ]] || return 1
  newer=$(cd "$root" && find "$@" cmake CMakeLists.txt CMakePresets.json -newer "$stamp" -print -quit 2>&1) && [[ -z $newer ]]
}

# build PRESET TARGET: configures where needed and builds the target; progress on stderr, everything in build/PRESET/build.log.
# One build at a time in a checkout: a second one waits. The stamp is as old as the build's start, so that an edit made
# meanwhile counts as newer.
build() {
  local preset=$1 target=$2 folder=$root/build/$1 fresh=() key
  mkdir -p "$folder"
  exec 9>"$root/build/lock"
  flock -n 9 || {
    say "another build of this checkout is running; waiting for it"
    flock 9
  }
  key=$(configuration_key)
  if [[ ! -e $folder/build.ninja || $(cat "$folder/configured" 2>/dev/null) != "$key" ]]; then
    [[ -e $folder/CMakeCache.txt ]] && fresh=(--fresh)
    rm -f "$folder/configured"
    say "configuring build/$preset"
    (cd "$root" && cmake --preset "$preset" "${fresh[@]}") >"$folder/configure.log" 2>&1 </dev/null 9>&- || {
      grep -A 12 'CMake Error' "$folder/configure.log" >&2 || tail -n 20 "$folder/configure.log" >&2
      die "configuring failed; the whole log is $folder/configure.log"
    }
    printf '%s\n' "$key" >"$folder/configured"
  fi
  printf '%s\n' "$key" >"$folder/built.new"
  ninja -C "$folder" -j "$(job_count)" "$target" 2>&1 </dev/null 9>&- | show_progress "$folder/build.log" || {
    { grep -m 1 -A 60 -E '^FAILED:|^CMake Error' "$folder/build.log" || tail -n 30 "$folder/build.log"; } | cut -c1-400 >&2
    die "the build failed; the whole log is $folder/build.log"
  }
  mv "$folder/built.new" "$folder/built"
  exec 9>&-
}
