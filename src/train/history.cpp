#include "history_internal.h"

#include <torch/types.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace turnpike {

Tensor tensor_of(const std::vector<EpochRecord>& history) {
  Tensor out = at::empty({static_cast<std::int64_t>(history.size()), 9}, at::kDouble);
  double* row = out.data_ptr<double>();
  for (const EpochRecord& r : history)
    for (const double value : {static_cast<double>(r.epoch), r.objective, r.loss, r.score, r.validation_loss,
                               r.validation_score, r.gradient_norm, r.rate, r.seconds})
      *row++ = value;
  return out;
}

std::vector<EpochRecord> history_of(const Tensor& tensor) {
  require_shape(tensor, {-1, 9}, "the history");
  const Tensor rows = tensor.contiguous();
  std::vector<EpochRecord> history;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const double* v = rows.data_ptr<double>() + 9 * i;
    history.push_back({static_cast<std::int64_t>(v[0]), v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]});
  }
  return history;
}

std::string json_line(const EpochRecord& record, const char* score) {
  nlohmann::ordered_json line;
  line["epoch"] = record.epoch;
  line["objective"] = record.objective;
  line["loss"] = record.loss;
  line[score] = record.score;
  if (!std::isnan(record.validation_loss)) {
    line["validation_loss"] = record.validation_loss;
    line[std::string("validation_") + score] = record.validation_score;
  }
  line["gradient_norm"] = record.gradient_norm;
  line["rate"] = record.rate;
  line["seconds"] = record.seconds;
  return line.dump() + "\n";
}

std::string json_line(const PolishReport& report) {
  nlohmann::ordered_json line;
  line["polish_iterations"] = report.iterations;
  line["objective"] = report.objective;
  line["residual"] = report.residual;
  line["converged"] = report.converged;
  return line.dump() + "\n";
}

}  // namespace turnpike
