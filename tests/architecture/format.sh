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
bad=()
for file in "${files[@]}"; do
  "$formatter" --style=file "$file" | cmp -s - "$file" || bad+=("$file")
done
if ((${#bad[@]})); then
  printf '%s: not formatted\n' "${bad[@]}"
  echo "mend with: clang-format -i ${bad[*]}"
  exit 1
fi
echo "${#files[@]} files are formatted"
