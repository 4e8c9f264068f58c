// Records of epochs: as a tensor, whose doubles keep every bit, and as lines of JSON.
#pragma once

#include <turnpike/train/trainer.h>

namespace turnpike {

Tensor tensor_of(const std::vector<EpochRecord>& history);  // [epochs, 9] float64
std::vector<EpochRecord> history_of(const Tensor& tensor);
std::string json_line(const EpochRecord& record,
                      const char* score);  // with its newline; what was not measured is left out
std::string json_line(const PolishReport& report);

}  // namespace turnpike
