# Sourced by ./turnpike and ./check, after `root` is set: the Debian packages Turnpike is built with (reasons: docs/dependencies.md).
#
#   setup [--no-install] [package...]    installs what is missing of the list below and of the packages named
#
# It prints the packages and their size before it fetches them. Nothing is asked of apt when all are present.

setup_packages=(
  g++ cmake ninja-build ccache lld pkg-config git
  libtorch-dev libopenblas0-pthread libopenblas-pthread-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libarchive-dev libcsv-dev libmatio-dev libhdf5-dev
  libboost1.81-dev libhwy-dev libmuparser-dev libgtest-dev
)

say() { printf 'turnpike: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# show_progress LOG: copies its input to the log and shows it as one line that overwrites itself on a terminal; elsewhere, of
# lines that count ([3/120] ...), one in twenty.
show_progress() {
  local log=$1 line shown= share last=-1 width=
  [[ -t 2 ]] && width=$(($(tput cols 2>/dev/null || echo 80) - 1))
  while IFS= read -r line; do
    printf '%s\n' "$line" >&3
    if [[ $width ]]; then
      shown=${line:0:width}
      printf '\r\033[K%s' "$shown" >&2
    elif [[ $line =~ ^\[([1-9][0-9]*)/([0-9]+)\] ]]; then
      share=$((20 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      ((share == last)) || printf '%s\n' "$line" >&2
      last=$share
    fi
  done 3>"$log"
  [[ -z $shown ]] || printf '\r\033[K' >&2
}

# A libtorch of the user's own, found the way CMake finds it.
torch_in_prefix() {
  local prefix
  local -a prefixes
  IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
  for prefix in "${prefixes[@]}"; do
    [[ -e $prefix/share/cmake/Torch/TorchConfig.cmake || -e $prefix/lib/cmake/Torch/TorchConfig.cmake ]] && return 0
  done
  return 1
}

# Prints those of the named packages that are not installed.
missing_packages() {
  local status package
  local -A installed=()
  while read -r status package; do
    [[ $status == *i ]] && installed[$package]=1
  done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null)
  for package in "$@"; do
    [[ ${installed[$package]:-} ]] || printf '%s\n' "$package"
  done
}

setup() {
  local install=1 package
  local -a wanted=() missing as_root=()
  if [[ ${1:-} == --no-install ]]; then
    install=
    shift
  fi
  for package in "${setup_packages[@]}" "$@"; do
    [[ $package == libtorch-dev ]] && torch_in_prefix && continue
    wanted+=("$package")
  done

  if ! command -v dpkg-query >/dev/null; then
    command -v cmake >/dev/null && command -v ninja >/dev/null && return
    die "this is not a Debian system: install the equivalents of ${wanted[*]} by hand, then run the command again."
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]})) || return 0

  local command="apt-get install --no-install-recommends ${missing[*]}"
  [[ $install ]] || die "missing packages and --no-install was given; install them with: $command"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "missing packages, and neither root nor sudo is here to install them; as root, run: $command"
    [[ -t 0 ]] || sudo -n true 2>/dev/null || die "missing packages, and sudo wants a password; run first: sudo $command"
    as_root=(sudo)
  fi

  # A fresh machine has no package lists, or stale ones; they are fetched only when the present ones do not serve.
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o DPkg::Lock::Timeout=600
                -o Acquire::Retries=2)
  local -a request=(install --no-install-recommends "${missing[@]}")
  local plan
  plan=$(plan_install) || {
    say "fetching the package lists (apt-get update)"
    "${apt[@]}" update >&2 </dev/null || true
    plan=$(plan_install) || die "apt knows no source for all of: ${missing[*]}. Is the network up, and is this Debian 12? Its answer: ${plan%%$'\n'*}"
  }
  say "installing ${missing[*]}"
  say "with what they need: $(sed -n 's/^\([0-9]* upgraded, [0-9]* newly installed\).*/\1/p' <<<"$plan")." \
    "$(sed -n 's/^\(Need to get\|After this operation,\) .*/&/p' <<<"$plan" | tr '\n' ' ')"
  local log=$root/build/setup.log
  mkdir -p "$root/build"
  if ! "${apt[@]}" -y "${request[@]}" 2>&1 </dev/null | show_progress "$log"; then
    say "fetching the package lists anew (apt-get update)"
    "${apt[@]}" update >&2 </dev/null || true
    "${apt[@]}" -y "${request[@]}" 2>&1 </dev/null | show_progress "$log" || {
      grep '^E:' "$log" >&2 || tail -n 20 "$log" >&2
      die "apt could not install them (the whole log is $log); mend that, or run: $command"
    }
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]} == 0)) || die "apt reported success, yet these packages are still missing: ${missing[*]}"
}

# What apt would do, in its words ("Need to get 55 MB of archives."); fails when it cannot. Reads `apt` and `request` of setup().
plan_install() {
  local answer
  answer=$("${apt[@]}" --assume-no "${request[@]}" 2>&1 </dev/null)
  if [[ $answer == *"newly installed"* ]]; then
    printf '%s\n' "$answer"
  else
    grep '^E:' <<<"$answer"
    return 1
  fi
}
