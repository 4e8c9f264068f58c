// Outcome<T>: a value, or a typed numerical failure together with what was computed before it.
//
//   Outcome<Trajectory> run = integrate(...);
//   if (!run) report(run.failure().text(), run.partial());
//   use(run.value());                     // throws Error with the same text if the run failed
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <turnpike/base/error.h>

namespace turnpike {

enum class FailureKind { divergence, step_underflow, step_limit, no_convergence };

inline const char* name_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::divergence: return "divergence";
    case FailureKind::step_underflow: return "step underflow";
    case FailureKind::step_limit: return "step limit";
    case FailureKind::no_convergence: return "no convergence";
  }
  return "failure";
}

struct Failure {
  FailureKind kind;
  std::string what;    // what happened and where: "the state left the finite numbers in step 12 (t = 0.48)"
  std::string advice;  // how to mend: "take a smaller step or a smaller initial control"
  double time = 0;     // the time (depth) that was reached

  std::string text() const { return std::string(name_of(kind)) + ": " + what + "; " + advice; }
};

template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : value_(std::move(value)) {}
  Outcome(T partial, Failure failure) : value_(std::move(partial)), failure_(std::move(failure)) {}

  explicit operator bool() const { return !failure_; }
  const Failure& failure() const { return *failure_; }  // only when it failed
  const T& partial() const { return value_; }           // complete, or what was computed before the failure
  const T& value() const& {
    if (failure_) throw Error(failure_->text());
    return value_;
  }
  T value() && {
    if (failure_) throw Error(failure_->text());
    return std::move(value_);
  }

 private:
  T value_;
  std::optional<Failure> failure_;
};

}  // namespace turnpike
