#!/usr/bin/env bash
# includes.sh ROOT: do the sources below ROOT keep the layers? Rules and table: layers.awk.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$1"
folders=()
for folder in include src apps studies bench; do
  [[ ! -d $folder ]] || folders+=("$folder")
done
mapfile -t files < <(find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.inc' \) | sort)
exec awk -f "$here/layers.awk" "${files[@]}"
