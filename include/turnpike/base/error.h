// Errors of Turnpike. The library never prints and never aborts: it throws one of these, or returns an Outcome
// (base/outcome.h) where a computation can fail for numerical reasons and a partial result is worth having.
//
// The text of every error is one sentence or two: what is wrong, where, and how to mend it.
#pragma once

#include <stdexcept>
#include <string>

namespace turnpike {

// What the command returns; of several runs the worst in the order 130, 2, 1, 3, 0.
enum class ExitCode { done = 0, failed = 1, usage = 2, check_failed = 3, interrupted = 130 };

// The run failed: a full disk, a diverged training. Exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual ExitCode exit_code() const { return ExitCode::failed; }
};

// Bad input or usage: a malformed file, an unknown option, a value out of range. Exit code 2.
class InputError : public Error {
 public:
  using Error::Error;
  ExitCode exit_code() const override { return ExitCode::usage; }
};

// A caller of the library broke a contract; the text holds the shapes and the relation that failed.
class ContractError : public Error {
 public:
  using Error::Error;
};

// The user asked to stop (Ctrl-C) and what was worth keeping has been saved. Exit code 130.
class Interrupted : public Error {
 public:
  using Error::Error;
  ExitCode exit_code() const override { return ExitCode::interrupted; }
};

// Throws ContractError with `message` unless `condition` holds.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw ContractError(message);
}

}  // namespace turnpike
