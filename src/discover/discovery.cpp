#include <turnpike/discover/discovery.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/discover/published_recipe.h>
#include <turnpike/discover/selection.h>
#include <turnpike/discover/sparse.h>
#include <turnpike/discover/strong_form.h>
#include <turnpike/discover/weak_form.h>

#include "widths_internal.h"

namespace turnpike {
namespace {

constexpr int most_terms = 12;
constexpr double fewest_independent_rows = 8;
constexpr double mostly_noise = 0.5;  // share of the residual's square
// Of |b - G xi| / |b|, what noise does not account for; and where the residual is mostly not noise, so that its model
// does not matter.
constexpr double largest_unexplained = 0.3, largest_unexplained_clean = 0.1;
// Widths of the test functions are worth a search where coefficients are less certain than that, and data no larger.
constexpr double certain_enough = 1e-5;
constexpr int most_rounds = 3;  // an equation that some widths refute, and the next
constexpr std::int64_t most_points_refined = std::int64_t{1} << 24;

// Why no method can find an equation for that field, or "".
std::string reason_against(const std::vector<Measurement>& measurements, const LeftSide& side) {
  double largest = 0, change = 0;
  for (const Measurement& measurement : measurements) {
    const Field& field = measurement.fields[static_cast<std::size_t>(side.field)];
    const auto n_times = static_cast<std::size_t>(measurement.time().size());
    for (std::size_t i = 0; i < field.values.size(); ++i) {
      const auto difference = [&](const std::vector<double>& values) {
        if (values.empty() || i % n_times == 0) return 0.0;
        if (!measurement.mask.empty() && !(measurement.mask[i] && measurement.mask[i - 1])) return 0.0;
        return std::abs(values[i] - values[i - 1]);
      };
      if (!measurement.mask.empty() && !measurement.mask[i]) continue;
      largest = std::max(largest, std::abs(field.values[i]));
      change = std::max({change, difference(field.values), difference(field.imaginary)});
    }
  }
  const std::string name = measurements[0].fields[static_cast<std::size_t>(side.field)].name;
  if (change <= 1e-13 * largest)
    return fmt::format("{} does not change in time, so it says nothing about what drives it", name);
  return "";
}

// The terms of a support, real and imaginary parts joined.
std::vector<FoundTerm> terms_of(const LinearSystem& system, const Measurement& names, const Support& support,
                                const RowFit& fit) {
  std::vector<FoundTerm> terms;
  for (std::size_t a = 0; a < support.size(); ++a) {
    Candidate candidate = system.candidates[static_cast<std::size_t>(support[a])];
    const bool imaginary = candidate.imaginary_unit;
    candidate.imaginary_unit = false;
    const TermText text = term_text(candidate, names);
    auto term =
        std::find_if(terms.begin(), terms.end(), [&](const FoundTerm& other) { return other.term == text.text; });
    if (term == terms.end()) {
      terms.push_back({.term = text.text});
      term = terms.end() - 1;
    }
    const std::complex<double> unit = imaginary ? std::complex<double>(0, 1) : 1;
    const double reach = fit.quantile * fit.deviations[a];
    term->coefficient += unit * (text.factor * fit.coefficients[a]);
    term->low += unit * (text.factor * (fit.coefficients[a] - reach));
    term->high += unit * (text.factor * (fit.coefficients[a] + reach));
  }
  return terms;
}

std::vector<std::string> texts_of(const LinearSystem& system, const Measurement& names, const Support& support) {
  std::vector<std::string> texts;
  for (const int j : support) texts.push_back(term_text(system.candidates[static_cast<std::size_t>(j)], names).text);
  return texts;
}

std::string join(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", "));
}

// Share of the resamples whose equation has the candidate.
std::vector<double> inclusion_probabilities(const BoxedEquations& equations, const DiscoveryOptions& options,
                                            int largest, const std::vector<Support>& path_of_all,
                                            std::uint64_t stream) {
  std::vector<double> inclusion(equations.all().products.size(), 0.0);
  Random random(seed_for(options.seed, "resamples", stream));
  for (int i = 0; i < options.resamples; ++i) {
    if (stop_requested()) throw Interrupted("stopped while resampling");
    const NoisyEquations resample = equations.resample(random);
    const std::vector<Support> path = resample.path(options.solver, largest, path_of_all);
    const int chosen = choose_support(resample, path);
    if (chosen < 0) continue;
    for (const int j : path[static_cast<std::size_t>(chosen)]) inclusion[static_cast<std::size_t>(j)] += 1;
  }
  for (double& share : inclusion) share /= options.resamples;
  return inclusion;
}

// The recipe has neither a criterion nor a null case: whatever is left is its answer.
FoundEquation published_equation(const LinearSystem& system, std::size_t left_side, const Measurement& names,
                                 const DiscoveryOptions& options, FoundEquation equation) {
  const Support support =
      published_support(system, left_side, {.tolerance_step = options.published_step, .seed = options.seed});
  const RowFit fit = fit_rows(system, left_side, support);
  equation.residual = fit.residual;
  equation.terms = terms_of(system, names, support, fit);
  equation.path.push_back({texts_of(system, names, support), fit.residual, 0, true});
  equation.found = true;
  return equation;
}

// An equation, and what its inclusion probabilities are drawn from.
struct Finding {
  FoundEquation equation;
  Support support, rival;  // rival: what the data do not tell it from
  std::optional<BoxedEquations> boxes;
  std::vector<Support> path;
  int largest = 0;         // number of terms of a resample
  double noise_share = 0;  // of the residual's square, by the model of the noise
};

// The residual is one sample of the noise, too small where few rows are independent, or where widths were chosen by it;
// the model of the noise takes the field as even over a test function. Either may be too certain.
void widen(RowFit& fit, const RowFit& model) {
  for (std::size_t a = 0; a < fit.deviations.size(); ++a)
    fit.deviations[a] = std::max(fit.deviations[a], model.deviations[a]);
}

// Whether the best candidate counts as found, or why not. `whole`: with the terms whose coefficients could be zero.
void judge(Finding& finding, const RowFit& fit, const Support& whole, const LinearSystem& system, std::size_t left_side,
           const Measurement& names, const DiscoveryOptions& options) {
  FoundEquation& equation = finding.equation;
  const NoisyEquations& equations = finding.boxes->all();
  // Noise hides the columns of the strong form before the left side: it has to explain as much as if there were none.
  // So has a second derivative in time that nobody asked for; in the strong form it has to explain the noise too.
  const bool unasked = options.time_order == 0 && system.left_sides[left_side].order == 2;
  const bool strong = system.models_errors();
  const double by_noise = strong && unasked ? 0 : fit.noise_square;
  const double unexplained = std::sqrt(std::max(0.0, fit.residual * fit.residual - by_noise));
  const bool lenient = finding.noise_share > mostly_noise && !strong && !unasked;
  if (unexplained > (lenient ? largest_unexplained : largest_unexplained_clean)) {
    Support dropped;
    std::set_difference(whole.begin(), whole.end(), finding.support.begin(), finding.support.end(),
                        std::back_inserter(dropped));
    equation.undecided = !dropped.empty() && !equations.refutes(whole);
    equation.reason = fmt::format("the best candidate, {}, leaves {:.0f} % of {} unexplained{}; {}", equation.text(),
                                  100 * unexplained, equation.lhs, by_noise > 0 ? " beyond noise" : "",
                                  equation.undecided ? fmt::format("{} would explain it, but cannot be told from zero",
                                                                   join(texts_of(system, names, dropped)))
                                                     : "terms may be missing from the candidates");
    return;
  }
  if (fit.error_square > largest_unexplained_clean * largest_unexplained_clean) {
    equation.undecided = true;
    equation.reason = fmt::format(
        "the derivatives' own errors may be {:.0f} % of {} in the best candidate, {}; take better ones, or measure "
        "more finely",
        100 * std::sqrt(fit.error_square), equation.lhs, equation.text());
    return;
  }
  if ((finding.noise_share > mostly_noise || strong) && equations.refutes(finding.support)) {
    equation.undecided = true;
    equation.reason = fmt::format("{} leaves more of {} than noise{}, and the data do not tell which terms are missing",
                                  equation.text(), equation.lhs, strong ? " and the derivatives' errors do" : " does");
    return;
  }
  if (const auto rival = rival_of(system, left_side, equations, finding.support)) {
    equation.undecided = true;
    finding.rival = *rival;
    FoundEquation other = {.lhs = equation.lhs};
    other.terms = terms_of(system, names, *rival, fit_rows(system, left_side, *rival));
    equation.reason = fmt::format("the data do not tell {} from {}", equation.text(), other.text());
    return;
  }
  if (strong) {
    const NoisyEquations finer = finding.boxes->finer();
    const std::vector<Support> finer_path = finer.path(options.solver, finding.largest);
    const int finer_choice = choose_support(finer, finer_path);
    const Support other = finer_choice < 0 ? Support{} : finer_path[static_cast<std::size_t>(finer_choice)];
    if (other != finding.support) {
      equation.undecided = true;
      equation.reason = fmt::format("better derivatives take other terms than {}: {}", equation.text(),
                                    other.empty() ? "none" : join(texts_of(system, names, other)));
      return;
    }
  }
  equation.found = true;
}

Finding find_equation(const LinearSystem& system, std::size_t left_side, const std::vector<Measurement>& measurements,
                      const DiscoveryOptions& options) {
  const Measurement& names = measurements[0];
  Finding finding = {.equation = {.lhs = left_side_text(system.left_sides[left_side], names)}};
  FoundEquation& equation = finding.equation;
  equation.residual = 1;
  equation.reason = reason_against(measurements, system.left_sides[left_side]);
  if (!equation.reason.empty()) return finding;

  const double independent = system.effective_rows();
  if (independent < fewest_independent_rows) {
    equation.reason = fmt::format(
        "only {:.1f} independent rows fit into the data, too few to tell candidates apart; measure "
        "longer or on a finer grid",
        independent);
    return finding;
  }
  if (options.form == "published") {
    equation = published_equation(system, left_side, names, options, std::move(equation));
    return finding;
  }
  const BoxedEquations& equations = finding.boxes.emplace(system, left_side);
  if (equations.left_side_is_noise()) {
    equation.reason = fmt::format(
        "what the test functions see of {} is noise and no more; measure more finely, or longer", equation.lhs);
    finding.boxes.reset();
    return finding;
  }
  const int largest = std::max(1, std::min(most_terms, static_cast<int>(independent / 4)));
  finding.path = equations.all().path(options.solver, largest);
  const std::vector<Support>& path = finding.path;
  const int chosen = choose_support(equations.all(), path);
  finding.largest = std::min(largest, std::max(chosen, 0) + 4);

  for (std::size_t i = 0; i < path.size(); ++i)
    equation.path.push_back({texts_of(system, names, path[i]),
                             std::sqrt(fit_support(equations.all().products, path[i]).residual_square),
                             equations.all().criterion(path[i]), static_cast<int>(i) == chosen});
  if (chosen < 0) {
    equation.reason = fmt::format("no combination of the {} candidates explains {} better than chance would",
                                  system.candidates.size(), equation.lhs);
    return finding;
  }
  finding.support = path[static_cast<std::size_t>(chosen)];
  RowFit fit = fit_significant(system, left_side, finding.support);
  if (fit.residual > 0) finding.noise_share = fit.noise_square / (fit.residual * fit.residual);
  if (finding.noise_share > mostly_noise)
    widen(fit, fit_rows(system, left_side, finding.support, Uncertainty::predicted));
  equation.residual = fit.residual;
  equation.terms = terms_of(system, names, finding.support, fit);
  if (finding.support.empty()) {
    equation.reason = "no candidate's coefficient can be told from zero";
    return finding;
  }
  judge(finding, fit, path[static_cast<std::size_t>(chosen)], system, left_side, names, options);
  return finding;
}

// The share of resamples that take a candidate, into the equation.
void add_inclusion(const LinearSystem& system, std::size_t left_side, const Measurement& names,
                   const DiscoveryOptions& options, Finding& finding) {
  if (!finding.boxes || options.resamples == 0) return;
  const std::vector<double> inclusion =
      inclusion_probabilities(*finding.boxes, options, finding.largest, finding.path, left_side);
  for (std::size_t j = 0; j < inclusion.size(); ++j)
    if (inclusion[j] > 0)
      finding.equation.inclusion.push_back({term_text(system.candidates[j], names).text, inclusion[j]});
  std::stable_sort(finding.equation.inclusion.begin(), finding.equation.inclusion.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  for (FoundTerm& term : finding.equation.terms) term.inclusion = 0;
  for (const int j : finding.support) {
    Candidate candidate = system.candidates[static_cast<std::size_t>(j)];
    candidate.imaginary_unit = false;
    const std::string text = term_text(candidate, names).text;
    for (FoundTerm& term : finding.equation.terms)
      if (term.term == text) term.inclusion = std::max(term.inclusion, inclusion[static_cast<std::size_t>(j)]);
  }
}

LinearSystem build_system(const std::vector<Measurement>& measurements, const std::vector<DataSpectrum>& spectra,
                          const DiscoveryOptions& options, const std::vector<LeftSide>& left_sides,
                          const std::vector<double>& width_factors, Progress& progress) {
  const bool weak = options.form == "weak", published = options.form == "published";
  const LibraryOptions library = {.polynomial_degree = options.polynomial_degree,
                                  .derivative_order = options.derivative_order,
                                  .products = !weak,
                                  .modulus = options.modulus,
                                  .trigonometric = options.trigonometric,
                                  .formulas = options.formulas};
  const std::vector<Candidate> candidates = candidate_library(measurements[0], library);
  if (weak)
    return weak_system(measurements, candidates, left_sides, {.width_factors = width_factors, .spectra = spectra},
                       progress);
  StrongOptions strong = {.space = options.space, .time = options.time};
  if (published) {
    strong.most_rows = 300000;  // it thins nothing
    strong.see_errors = false;
    strong.space.published = strong.time.published = true;
    strong.space.one_sided_ends = strong.time.one_sided_ends = true;
  }
  return strong_system(measurements, candidates, left_sides, strong);
}

std::vector<int> searched_fields(const Measurement& measurement, const DiscoveryOptions& options) {
  std::vector<int> fields;
  for (const std::string& name : options.equations_of) {
    const int field = measurement.index_of(name);
    if (field < 0)
      throw InputError(fmt::format("{}: there is no field '{}' to find an equation for", measurement.source, name));
    fields.push_back(field);
  }
  if (!fields.empty()) return fields;
  for (std::size_t f = 0; f < measurement.fields.size(); ++f)
    if (!measurement.fields[f].given) fields.push_back(static_cast<int>(f));
  if (fields.empty())
    throw InputError(fmt::format("{}: every field is given; name one that has an equation", measurement.source));
  return fields;
}

// Widths are worth a search where noise, not discretisation, makes the coefficients uncertain.
bool widths_matter(const std::vector<Measurement>& measurements, const std::vector<Finding>& findings) {
  std::int64_t points = 0;
  for (const Measurement& measurement : measurements) points += measurement.count();
  return points <= most_points_refined && std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
           return (finding.equation.found || finding.equation.undecided) &&
                  finding.equation.residual > certain_enough && finding.noise_share > mostly_noise;
         });
}

Discovery search(const std::vector<Measurement>& measurements, const DiscoveryOptions& options, int time_order,
                 Progress& progress) {
  std::vector<LeftSide> left_sides;
  for (const int field : searched_fields(measurements[0], options)) left_sides.push_back({field, time_order});
  const auto find_all = [&](const LinearSystem& system) {
    std::vector<Finding> findings;
    for (std::size_t s = 0; s < left_sides.size(); ++s) {
      progress.update("searching", static_cast<std::int64_t>(s), static_cast<std::int64_t>(left_sides.size()), "");
      findings.push_back(find_equation(system, s, measurements, options));
    }
    return findings;
  };
  std::vector<DataSpectrum> spectra = options.form == "weak" ? data_spectra(measurements) : std::vector<DataSpectrum>{};
  LinearSystem system = build_system(measurements, spectra, options, left_sides, {}, progress);
  std::vector<Finding> findings = find_all(system);
  if (options.form == "weak") {
    std::vector<std::string> smooth;
    for (std::size_t s = 0; s < left_sides.size(); ++s) {
      const double share = findings[s].boxes ? findings[s].boxes->all().noise_left_by(findings[s].path) : 1;
      if (share == 1) continue;
      for (DataSpectrum& spectrum : spectra)
        spectrum.noise_variance[static_cast<std::size_t>(left_sides[s].field)] *= share;
      smooth.push_back(measurements[0].fields[static_cast<std::size_t>(left_sides[s].field)].name);
    }
    if (!smooth.empty()) {
      system = build_system(measurements, spectra, options, left_sides, {}, progress);
      system.notes.push_back(fmt::format(
          "neighbouring values of {} differ by more than noise: it is as large as equations leave it", join(smooth)));
      findings = find_all(system);
    }
  }
  if (options.form == "weak" && widths_matter(measurements, findings)) {
    const auto found = [](const std::vector<Finding>& all) {
      return std::count_if(all.begin(), all.end(), [](const Finding& finding) { return finding.equation.found; });
    };
    // Where an equation is noise and no more, nothing is decided about it.
    const auto sees = [&](const Finding& now, const Finding& before) {
      if (!before.equation.undecided || !now.boxes) return true;
      return now.boxes->all().misfit(before.support) && now.boxes->all().misfit(before.rival);
    };
    // Anew with these widths; false: not `more` is found with them.
    const auto find_with = [&](const std::vector<double>& factors, int more) {
      LinearSystem other = build_system(measurements, spectra, options, left_sides, factors, progress);
      std::vector<Finding> again = find_all(other);
      if (found(again) < found(findings) + more || !std::equal(again.begin(), again.end(), findings.begin(), sees))
        return false;
      system = std::move(other);
      findings = std::move(again);
      return true;
    };
    const std::vector<double> by_spectrum(measurements[0].axes.size(), 1.0);
    std::vector<double> factors = by_spectrum;
    const auto is_undecided = [](const Finding& finding) { return finding.equation.undecided; };
    for (int round = 0; round < most_rounds; ++round) {
      std::vector<Support> supports;
      for (const Finding& finding : findings)
        supports.push_back(finding.equation.found || is_undecided(finding) ? finding.support : Support{});
      WidthSearch widths(measurements, spectra, system, std::move(supports), progress);
      std::vector<double> next = widths.refuting(factors);
      bool anew = !next.empty() && find_with(next, 0);
      if (!anew) next = factors;
      for (int step = 0; step < most_width_steps && !anew; ++step) {
        if (std::none_of(findings.begin(), findings.end(), is_undecided)) break;
        next = narrower(next);
        anew = find_with(next, 1);
      }
      if (!anew) {
        next = widths.most_certain(factors);
        if (next != factors && find_with(next, 0)) factors = next;
        break;
      }
      factors = next;
    }
    if (factors != by_spectrum)
      system.notes.emplace_back(
          "the widths of the test functions are those at which the coefficients are most certain");
  }

  Discovery discovery;
  discovery.criterion = options.form == "published" ? "the published recipe's: held-out residual and number of terms"
                                                    : criterion_text(system.exact_residual);
  discovery.form = options.form;
  discovery.solver = options.solver;
  discovery.notes = system.notes;
  discovery.rows = static_cast<std::int64_t>(system.rows());
  discovery.candidates = static_cast<std::int64_t>(system.candidates.size());
  discovery.found = true;
  for (std::size_t s = 0; s < left_sides.size(); ++s) {
    progress.update("resampling", static_cast<std::int64_t>(s), static_cast<std::int64_t>(left_sides.size()), "");
    add_inclusion(system, s, measurements[0], options, findings[s]);
    discovery.equations.push_back(std::move(findings[s].equation));
    if (discovery.found && !discovery.equations.back().found) {
      discovery.found = false;
      discovery.reason = discovery.equations.back().reason;
    }
  }
  return discovery;
}

}  // namespace

const std::vector<std::string>& form_names() {
  static const std::vector<std::string> names = {"weak", "strong", "published"};
  return names;
}

Discovery discover(const std::vector<Measurement>& measurements, const DiscoveryOptions& options, Progress& progress) {
  check_together(measurements);
  if (std::find(form_names().begin(), form_names().end(), options.form) == form_names().end())
    throw InputError(fmt::format("unknown form '{}'; known are {}", options.form, fmt::join(form_names(), ", ")));
  Discovery first = search(measurements, options, std::max(options.time_order, 1), progress);
  const bool undecided = std::any_of(first.equations.begin(), first.equations.end(),
                                     [](const FoundEquation& equation) { return equation.undecided; });
  if (first.found || undecided || options.time_order != 0) return first;
  Discovery second;
  try {
    second = search(measurements, options, 2, progress);
  } catch (const InputError&) {
    return first;  // too few times for a second derivative: what the first search says stands
  }
  if (!second.found) return first;
  second.notes.push_back("no equation of first order in time was found: " + first.reason);
  return second;
}

}  // namespace turnpike
