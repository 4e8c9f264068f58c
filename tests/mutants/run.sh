#!/usr/bin/env bash
# Are the tests sharp? Breaks a copy of the code in one place at a time (mutants.txt) and sees whether the tests named there notice.
#
#   run.sh [--list] [--only PATTERN]     PATTERN: an extended regular expression on the lines of mutants.txt
#
# The working tree is never edited: the copy and its build stand in build/mutants. Before a mutant counts, its tests pass on the
# code as it is. A text that does not occur exactly once in its file, a mutant that does not compile, and a filter that selects no test are
# errors. Prints the score; exit 1 if a mutant survived or an entry is in error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$root/scripts/setup.sh"
source "$root/scripts/build.sh"

only=.
list=
while (($#)); do
  case $1 in
    --list) list=1 ;;
    --only) only=${2:?--only wants a pattern}; shift ;;
    *) say "unknown option '$1'; known are --list and --only PATTERN"; exit 2 ;;
  esac
  shift
done

mapfile -t entries < <(grep -vE '^[[:space:]]*(#|$)' "$here/mutants.txt" | grep -E -- "$only")
((${#entries[@]})) || die "no mutant matches '$only'"
if [[ $list ]]; then
  printf '%s\n' "${entries[@]}"
  exit
fi

work=$root/build/mutants
tree=$work/tree
mkdir -p "$work"
exec 8>"$work/lock"
flock -n 8 || die "another run of the mutants is under way in $work"

# The sources as they are now; a file that did not change keeps its time, so that little is built again.
sync_tree() {
  local file path
  mkdir -p "$tree"
  (cd "$root" && git ls-files --cached --others --exclude-standard) | sort >"$work/files"
  while read -r file; do
    [[ -f $root/$file ]] || continue
    cmp -s "$root/$file" "$tree/$file" && continue
    path=$tree/$file
    mkdir -p "${path%/*}"
    cp "$root/$file" "$path"
  done <"$work/files"
  (cd "$tree" && find . -type f | sed 's|^\./||' | sort) | comm -13 "$work/files" - | (cd "$tree" && xargs -r rm --)
}

make_target() { ninja -C "$work/build" -j "$(job_count)" "$1" >"$work/build.log" 2>&1 </dev/null 8>&-; }

# run_tests TARGET FILTER: passes, fails, crashes, or takes more than three minutes of a processor (a busy machine kills no mutant)
# or twenty by the clock.
run_tests() (
  ulimit -t 180
  exec timeout 1200 "$work/build/tests/$1" --gtest_filter="$2" --gtest_brief=1 --gtest_fail_fast >"$work/test.log" 2>&1 </dev/null 8>&-
)

# Splits an entry at its ';;' into file, old, new, target, filter.
split_entry() {
  local rest=$1 field
  for field in file old new target; do
    [[ $rest == *" ;; "* ]] || die "mutants.txt: expected FILE ;; TEXT ;; REPLACEMENT ;; TARGET ;; FILTER, got: $1"
    printf -v "$field" '%s' "${rest%%" ;; "*}"
    rest=${rest#*" ;; "}
  done
  filter=$rest
}

sync_tree
[[ -e $work/build/build.ninja ]] || cmake -S "$tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$work/build.log" 2>&1 ||
  die "configuring failed: $work/build.log"

killed=0
n=0
survivors=()
errors=()
declare -A sound=()  # tests that pass on the code as it is
for entry in "${entries[@]}"; do
  split_entry "$entry"
  n=$((n + 1))
  name="$file: '$old' -> '$new'"
  if [[ ! -e $tree/$file ]]; then
    errors+=("$name: no such file")
    continue
  fi
  content=$(<"$tree/$file")
  without=${content//"$old"/}
  if (((${#content} - ${#without}) != ${#old})); then
    errors+=("$name: the text occurs $(((${#content} - ${#without}) / ${#old})) times, not once")
    continue
  fi
  if [[ ! ${sound[$target $filter]:-} ]]; then
    make_target "$target" || die "$target does not build as it is: $work/build.log"
    # (All of the list is read: a pipe closed early would fail the test program.)
    "$work/build/tests/$target" --gtest_filter="$filter" --gtest_list_tests 2>/dev/null | grep '^  ' >/dev/null || {
      errors+=("$name: $target has no test that matches $filter")
      continue
    }
    run_tests "$target" "$filter" || die "$target --gtest_filter=$filter fails on the code as it is: $work/test.log"
    sound[$target $filter]=1
  fi
  cp "$tree/$file" "$work/original"
  printf '%s\n' "${content/"$old"/"$new"}" >"$tree/$file"
  if ! make_target "$target"; then
    errors+=("$name: does not compile")
    grep -m 3 'error' "$work/build.log" >&2 || true
  elif run_tests "$target" "$filter"; then
    survivors+=("$name ($target $filter)")
    printf 'survived  %s\n' "$name"
  else
    killed=$((killed + 1))
    printf 'killed    %s\n' "$name"
  fi
  cp "$work/original" "$tree/$file"
done

((${#errors[@]} == 0)) || printf 'error     %s\n' "${errors[@]}"
((${#survivors[@]} == 0)) || printf 'survivor  %s\n' "${survivors[@]}"
printf '%s of %s mutants killed\n' "$killed" "$n"
((killed == n))
