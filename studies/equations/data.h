// Data for the studies of discovery: the published files where $TURNPIKE_DATA has them, the simulators' otherwise.
// Field u, space x, coefficients xi.
#pragma once

#include <complex>
#include <map>
#include <string>
#include <vector>

#include <turnpike/discover/discovery.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {

using Terms = std::map<std::string, std::complex<double>>;

// A system of which everything is known: what is measured, the candidates that are asked for, the true equations.
struct KnownSystem {
  std::string name;  // "KdV"
  Measurement data;
  DiscoveryOptions options;            // of the default method: weak form, best subset
  std::map<std::string, Terms> truth;  // by left side: {"u_t", {{"u*u_x", -6}, ..}}
  std::string origin;                  // of the data, for the report
};

// Of the simulator `name` with "key=value" words; the frames from `first_frame` on.
Measurement simulated(const std::string& name, const std::vector<std::string>& words, StudyContext& study,
                      std::int64_t first_frame = 0);

// Part of a measurement: from low to high along an axis.
Measurement window(const Measurement& measurement, const std::string& axis, double low, double high);

// The seven of the table of Rudy et al. 2017, with its libraries' degrees and orders. `small`: half the points a side.
KnownSystem burgers(StudyContext& study);
KnownSystem kdv(StudyContext& study);
KnownSystem kuramoto_sivashinsky(StudyContext& study);
KnownSystem schrodinger(StudyContext& study);
KnownSystem nls(StudyContext& study);
KnownSystem reaction_diffusion(StudyContext& study, bool small);
KnownSystem navier_stokes(StudyContext& study);

// What a discovery got right, over all its equations.
struct Score {
  int right = 0, missing = 0, wrong = 0;
  std::vector<double> errors;  // |c - c^| / |c| of the right terms
  bool exact() const { return missing == 0 && wrong == 0; }
  double true_positive_ratio() const { return static_cast<double>(right) / (right + missing + wrong); }
  double mean_error() const;
  double deviation() const;  // over the terms, as the table of Rudy et al. gives it
  double worst_error() const;
};
Score score(const Discovery& discovery, const std::map<std::string, Terms>& truth);

}  // namespace turnpike::studies
