// Rows of a data set as a network takes them: standardised features and targets coded for its cost.
//
//   Examples batch = examples_of(data.batch(rows, dtype), standardiser, coding, n_classes, dtype);
//   Tensor cost = make_cost(model.spec.cost)->operator()(T, model.forward(batch.x), batch.y);
#pragma once

#include <span>

#include <turnpike/data/dataset.h>
#include <turnpike/data/standardise.h>
#include <turnpike/net/target.h>

namespace turnpike {

struct Examples {
  Tensor x;       // [B, n_features]
  Tensor y;       // coded as target.h says; undefined where the data have no labels
  Tensor target;  // as they are in the data: [B] class numbers, or [B, m] float64 reals in original units
};

Examples examples_of(const Batch& batch, const Standardiser& standardiser, TargetCoding coding, std::int64_t n_classes,
                     c10::ScalarType dtype);

// Calls visit(part of rows) for one piece of at most `size` rows after the other: what keeps memory bounded on large
// data.
template <class Visit>
void for_each_batch(std::span<const std::int64_t> rows, std::size_t size, Visit visit) {
  for (std::size_t begin = 0; begin < rows.size(); begin += size)
    visit(rows.subspan(begin, std::min(size, rows.size() - begin)));
}

}  // namespace turnpike
