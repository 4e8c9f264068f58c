#!/usr/bin/env bash
# format.sh ROOT [FILE...]: are the C++ sources formatted as .clang-format says? Version 14, which Debian 12 has: others differ in detail.
set -euo pipefail
cd "$1"
shift
formatter=$(command -v clang-format-14 || command -v clang-format) || {
  echo "clang-format is missing; install it with: apt-get install clang-format"
  exit 1
}
files=("$@")
if ((!$#)); then
  folders=()
  for folder in include src apps studies bench tests; do
    [[ ! -d $folder ]] || folders+=("$folder")
  done
  mapfile -t files < <(find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.inc' \) | sort)
fi
if answer=$("$formatter" --style=file --dry-run --Werror "${files[@]}" 2>&1); then
  echo "${#files[@]} files are formatted"
  exit
fi
bad=$(sed -n 's/:[0-9]*:[0-9]*: error: code should be.*//p' <<<"$answer" | sort -u)
[[ $bad ]] || {
  printf '%s\n' "$answer"
  exit 1
}
printf '%s: not formatted\n' $bad
echo "mend with: ${formatter##*/} -i" $bad
exit 1
