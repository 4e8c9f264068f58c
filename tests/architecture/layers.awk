# The layers of Turnpike, as one table, and the rules about #include that follow from it. Reads the files named as arguments,
# paths relative to the root of the tree; prints one line a violation and fails if there is any.
#
#   base -> math -> io, report, fused, pde -> discover | core -> flow -> data -> net -> train -> operators
#        -> optimal_control, tangent, ... (siblings) -> analysis -> study -> studies -> apps, bench, laws
#
#   1. An area includes itself and what stands to its left, never a sibling.
#   2. Left of the bar nothing includes libtorch.
#   3. Right of the bar a public header includes of libtorch <ATen/core/Tensor.h> alone, which costs 1.6 s a unit (all of
#      libtorch: 15 s), or what that header includes itself.
#   4. A quoted include stays in its own area; a public header quotes nothing, since *_internal.h is not installed.
#   5. A study's record (*.record.h) takes no more than base: the front end reads it.

BEGIN {
  n = split("base math io,report,fused,pde discover core flow data net train operators " \
            "optimal_control,tangent,express,robust,symmetry,interpret,generative " \
            "analysis study studies apps,bench,laws,turnpike.h", layers, " ")
  for (i = 1; i <= n; ++i) {
    m = split(layers[i], areas, ",")
    for (j = 1; j <= m; ++j) rank[areas[j]] = i
  }
  bar = rank["core"]

  light["ATen/core/Tensor.h"]
  light["c10/core/ScalarType.h"]

  # Public headers that may include more of libtorch than the tensor, each with what they are for.
  torch_exception["include/turnpike/flow/module.h"] = "the adapter to torch::nn::Module"
}

FNR == 1 {
  is_public = FILENAME ~ /^include\//
  area = area_of(FILENAME)
  if (!(area in rank)) report("belongs to no area of the table in tests/architecture/layers.awk")
  ++n_files
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  quoted = index($0, "\"") && !index($0, "<")
  target = $0
  sub(/^[^<"]*[<"]/, "", target)
  sub(/[>"].*/, "", target)

  if (target ~ /^turnpike\//) {
    other = area_of("include/" target)
    if (!(other in rank))
      report("includes " target ", which belongs to no area")
    else if (other != area && rank[other] == rank[area])
      report("includes " target " of its sibling " other)
    else if (rank[other] > rank[area])
      report("includes " target ", but " other " stands to the right of " area)
    if (FILENAME ~ /\.record\.h$/ && rank[other] > rank["base"]) report("is a record and includes " target "; it may use base alone")
    if (quoted) report("quotes " target "; write <" target ">")
  } else if (target ~ /^(torch|ATen|c10|caffe2)\//) {
    if (rank[area] < bar || FILENAME ~ /\.record\.h$/)
      report("includes " target ", but stands left of libtorch")
    else if (is_public && !(target in light) && !(FILENAME in torch_exception))
      report("is a public header and includes " target "; only <ATen/core/Tensor.h> is light enough")
  } else if (quoted) {
    if (is_public)
      report("is a public header and quotes " target ", which is not installed")
    else if (area_of(resolved(target)) != area)
      report("quotes " target ", which leaves its area")
  }
}

# include/turnpike/<area>/x.h, src/<area>/x.cpp, <area>/x.cpp
function area_of(path,    part) {
  split(path, part, "/")
  return part[1] == "include" ? part[3] : part[1] == "src" ? part[2] : part[1]
}

# A quoted path as seen from the tree's root.
function resolved(target,    path) {
  path = FILENAME
  sub(/[^\/]*$/, "", path)
  path = path target
  while (sub(/[^\/]+\/\.\.\//, "", path)) {}
  return path
}

function report(message) {
  print FILENAME ":" FNR ": " message
  ++n_violations
}

END {
  if (!n_files) {
    print "no source was found to check"
    exit 1
  }
  if (n_violations) {
    print n_violations " violations of the layers in " n_files " files"
    exit 1
  }
  print n_files " files keep the layers"
}
