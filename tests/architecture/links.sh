#!/usr/bin/env bash
# links.sh PROGRAM...: none of these programs loads libtorch, directly or through a library of its own.
set -euo pipefail
status=0
for program in "$@"; do
  if [[ ! -x $program ]]; then
    echo "$program: is not built"
    status=1
    continue
  fi
  needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  loaded=$(ldd "$program")
  if found=$(grep -oE '\b(libtorch|libc10|libATen|libcaffe2)[^ ]*' <<<"$needed"$'\n'"$loaded" | sort -u | tr '\n' ' ') && [[ $found ]]; then
    echo "$program: stands left of libtorch, yet loads $found"
    status=1
  fi
done
((status)) || echo "$# programs load no libtorch"
exit "$status"
