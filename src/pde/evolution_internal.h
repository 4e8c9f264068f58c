// What carries a state from frame to frame: one of the methods of pde/simulate.h.
#pragma once

#include <memory>
#include <optional>

#include <turnpike/pde/simulate.h>

namespace turnpike {

class Evolution {
 public:
  virtual ~Evolution() = default;
  // From t0 to t1 > t0; the failure that stopped it, if any.
  virtual std::optional<Failure> advance(double t0, double t1) = 0;
  // The field of that index in Equation::fields on the grid, or (time order 2) its rate.
  virtual void sample(int field, bool rate, std::vector<std::complex<double>>& values) const = 0;
  virtual std::int64_t steps() const = 0;
  virtual std::int64_t evaluations() const = 0;
};

std::unique_ptr<Evolution> spectral_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options);
// One axis that is not periodic.
std::unique_ptr<Evolution> implicit_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options,
                                              double time);
// No axis, or several of which one is not periodic.
std::unique_ptr<Evolution> explicit_evolution(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                              const std::vector<FieldState>& initial, const SimulateOptions& options,
                                              double time);

// Watches the size of each slot of the state (root mean squares) and says when a step is good and when all is lost.
class SizeWatch {
 public:
  SizeWatch(std::vector<double> initial, const SimulateOptions& options)
      : largest_(std::move(initial)), options_(options) {
    for (const double size : largest_) start_ = std::max(start_, size);
    if (start_ == 0) start_ = 1;
  }

  // Largest error of a slot over its tolerance; not a number if anything is.
  double ratio(const std::vector<double>& error) const {
    double most = 0;
    for (std::size_t s = 0; s < error.size(); ++s) {
      const double allowed = options_.tolerance * std::max(largest_[s], 1e-3 * start_);
      most = error[s] <= allowed * most ? most : error[s] / allowed;
    }
    return most;
  }

  std::optional<Failure> see(const std::vector<double>& sizes, double time) {
    double now = 0;
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      largest_[s] = std::max(largest_[s], sizes[s]);
      now = sizes[s] <= now ? now : sizes[s];
    }
    if (now <= options_.growth * start_) return {};
    return diverged(time);
  }

  static Failure diverged(double time);
  static Failure underflow(double time, double step);
  static Failure too_many(double time, std::int64_t steps);

 private:
  std::vector<double> largest_;
  double start_ = 0;
  SimulateOptions options_;
};

// When the user asked to stop.
void throw_if_stopped(double time);

}  // namespace turnpike
