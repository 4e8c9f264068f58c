// The weak form: the equation against test functions psi_k around the points of a lattice, all derivatives moved onto
// them by parts.
//
//   (-1)^r <d_t^r psi_k, u> = sum_j xi_j (-1)^|a_j| <d^a_j psi_k, f_j(u)>
//
// Nothing is differentiated but psi, known exactly: noise is averaged, not amplified. Integrals are sums over the grid,
// exact to round-off for smooth data since psi vanishes to high order at its ends. Separable: one axis after the other,
// at the lattice's points only; the field is passed slab by slab along its first axis, so memory is the system's plus a
// slab. Test functions that touch a hole of the mask are left out.
//
// Needs equal steps along every axis, and candidates of the kind d^a f (InputError otherwise).
// Source: Messenger, Bortz, J. Comput. Phys. 443 (2021) 110525.
#pragma once

#include <vector>

#include <turnpike/base/progress.h>
#include <turnpike/discover/linear_system.h>
#include <turnpike/discover/test_function.h>

namespace turnpike {

// What the weak form asks of the data alone: the same for all candidates and widths.
struct DataSpectrum {
  std::vector<std::vector<std::vector<double>>> amplitude;  // [axis][field]: mean_amplitude; none: a given field
  std::vector<double> noise_variance;                       // [field]
};
std::vector<DataSpectrum> data_spectra(const std::vector<Measurement>& measurements);  // by experiment

struct WeakOptions {
  std::vector<TestFunction> test_functions;  // one an axis, time last; none: chosen from the data
  std::vector<double> width_factors;         // on the widths chosen from the data, one an axis; none: 1
  int per_width = 3;                         // lattice points per half width along each axis
  bool correct_noise = true;                 // unbiased powers and products of columns
  int noise_sample = 20000;                  // points at which the model of the noise looks
  std::int64_t most_rows = 60000;            // wider lattices beyond
  std::vector<DataSpectrum> spectra;  // of the measurements, where many systems are made of them; none: looked up
};

LinearSystem weak_system(const std::vector<Measurement>& measurements, const std::vector<Candidate>& candidates,
                         const std::vector<LeftSide>& left_sides, const WeakOptions& options = {},
                         Progress& progress = no_progress());

}  // namespace turnpike
