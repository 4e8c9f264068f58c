#!/usr/bin/env bash
# Each architecture check is fed a tree that breaks it, once for every rule, and must name the culprit; and a tree that keeps it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
n=0

# expect pass|fail TEXT COMMAND...: the command's outcome, and a text in its answer.
expect() {
  local want=$1 text=$2 got=pass answer
  shift 2
  answer=$("$@" 2>&1) || got=fail
  if [[ $got != "$want" || $answer != *"$text"* ]]; then
    printf 'expected "%s" with "%s", got "%s":\n%s\n' "$want" "$text" "$got" "$answer"
    exit 1
  fi
  n=$((n + 1))
}

# breaks FILE LINE TEXT: with that line in that file the include check fails with the text; without the file it passes.
breaks() {
  mkdir -p "$tree/$(dirname "$1")"
  printf '%s\n' "$2" >"$tree/$1"
  expect fail "$1:1: " "$here/includes.sh" "$tree"
  expect fail "$3" "$here/includes.sh" "$tree"
  rm "$tree/$1"
}

mkdir -p "$tree/include/turnpike/flow" "$tree/src/flow/schemes" "$tree/src/io"
printf '#include <ATen/core/Tensor.h>\n#include <turnpike/core/tensor.h>\n' >"$tree/include/turnpike/flow/flow.h"
printf '#include <torch/types.h>\n#include <turnpike/flow/flow.h>\n#include "schemes/step_internal.h"\n' >"$tree/src/flow/flow.cpp"
printf '#include "../flow_internal.h"\n' >"$tree/src/flow/schemes/euler.cpp"
printf '// #include <torch/types.h>\n#include <turnpike/math/fit.h>\n#include <vector>\n' >"$tree/src/io/csv.cpp"
expect pass "4 files keep the layers" "$here/includes.sh" "$tree"

breaks src/math/a.cpp '#include <turnpike/io/csv.h>' "io stands to the right of math"
breaks src/flow/a.cpp '  #  include <turnpike/train/loop.h>' "train stands to the right of flow"
breaks src/io/a.cpp '#include <turnpike/report/page.h>' "of its sibling report"
breaks include/turnpike/tangent/a.h '#include <turnpike/robust/a.h>' "of its sibling robust"
breaks src/flow/a.cpp '#include <turnpike/turnpike.h>' "turnpike.h stands to the right of flow"
breaks src/flow/a.cpp '#include <turnpike/laws/laws.h>' "laws stands to the right of flow"
breaks src/report/a.cpp '#include <ATen/ATen.h>' "stands left of libtorch"
breaks src/base/a.cpp '#include "c10/util/Exception.h"' "stands left of libtorch"
breaks include/turnpike/core/a.h '#include <torch/torch.h>' "is a public header and includes torch/torch.h"
breaks include/turnpike/flow/a.h '#include "step_internal.h"' "which is not installed"
breaks src/flow/a.cpp '#include "../net/model_internal.h"' "leaves its area"
breaks src/flow/schemes/a.cpp '#include "../../net/model_internal.h"' "leaves its area"
breaks src/flow/a.cpp '#include "turnpike/flow/flow.h"' "write <turnpike/flow/flow.h>"
breaks studies/decay/a.record.h '#include <turnpike/study/study.h>' "it may use base alone"
breaks src/mystery/a.cpp '#include <vector>' "belongs to no area"
breaks src/flow/a.cpp '#include <turnpike/mystery/a.h>' "which belongs to no area"
rm -r "$tree"/*
mkdir "$tree/src"
expect fail "no source was found" "$here/includes.sh" "$tree"

# A program that loads a library named like libtorch's, one that loads it through another library, and one that does not.
printf 'int f() { return 0; }\n' >"$tree/f.cpp"
printf 'int f();\nint g() { return f(); }\n' >"$tree/g.cpp"
printf 'int f();\nint main() { return f(); }\n' >"$tree/direct.cpp"
printf 'int g();\nint main() { return g(); }\n' >"$tree/indirect.cpp"
cxx=${CXX:-g++}
"$cxx" -shared -fPIC -o "$tree/libtorch_cpu.so" "$tree/f.cpp"
"$cxx" -shared -fPIC -o "$tree/libg.so" "$tree/g.cpp" -L"$tree" -ltorch_cpu -Wl,-rpath,"$tree"
"$cxx" -o "$tree/direct" "$tree/direct.cpp" -L"$tree" -ltorch_cpu -Wl,-rpath,"$tree"
"$cxx" -o "$tree/indirect" "$tree/indirect.cpp" -L"$tree" -lg -Wl,-rpath,"$tree" -Wl,-rpath-link,"$tree"
"$cxx" -o "$tree/clean" "$tree/direct.cpp" "$tree/f.cpp"
expect pass "1 programs load no libtorch" "$here/links.sh" "$tree/clean"
expect fail "direct: stands left of libtorch, yet loads libtorch_cpu.so" "$here/links.sh" "$tree/clean" "$tree/direct"
expect fail "indirect: stands left of libtorch" "$here/links.sh" "$tree/indirect"
expect fail "missing: is not built" "$here/links.sh" "$tree/missing"

rm -r "$tree"/*
mkdir -p "$tree/src/base"
cp "$here/../../.clang-format" "$tree/.clang-format"
printf 'int f();\n' >"$tree/src/base/good.cpp"
expect pass "1 files are formatted" "$here/format.sh" "$tree"
printf 'int  f( );\n' >"$tree/src/base/bad.cpp"
expect fail "src/base/bad.cpp: not formatted" "$here/format.sh" "$tree"

echo "$n expectations hold"
