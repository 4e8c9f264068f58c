#include "flow_case.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>

namespace turnpike {
namespace {

struct NamedTableau {
  const char* scheme;
  const Tableau* (*tableau)();
};
constexpr NamedTableau schemes[] = {
    {"euler", [] { return &euler_tableau(); }},
    {"midpoint", [] { return &midpoint_tableau(); }},
    {"heun", [] { return &heun_tableau(); }},
    {"rk4", [] { return &rk4_tableau(); }},
    {"bosh3", [] { return &bogacki_shampine_tableau(); }},
    {"dopri5", [] { return &dormand_prince_tableau(); }},
    {"symplectic_euler", [] { return (const Tableau*)nullptr; }},
    {"verlet", [] { return (const Tableau*)nullptr; }},
};

// Beyond that many numbers a peer that keeps the whole graph outgrows common machines.
constexpr double most_numbers = 1e9;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw InputError(fmt::format("the case '{}' {}", text, why));
}

[[noreturn]] void refuse_word(std::string_view text, std::string_view word) {
  std::vector<std::string> known = {"d=", "N=", "K="};
  for (const auto& names : {bench_schemes(), activation_names(), bench_fields(), bench_losses()})
    known.insert(known.end(), names.begin(), names.end());
  const std::string near = did_you_mean(word, known);
  refuse(text,
         fmt::format("has the unknown word '{}'; {}", word,
                     near.empty() ? fmt::format("it takes d=, N=, K=, a scheme ({}), an activation ({}), a field "
                                                "({}) and a loss ({})",
                                                fmt::join(bench_schemes(), ", "), fmt::join(activation_names(), ", "),
                                                fmt::join(bench_fields(), ", "), fmt::join(bench_losses(), ", "))
                                  : fmt::format("did you mean '{}'?", near)));
}

std::int64_t number_of(std::string_view text, std::string_view word, std::int64_t most) {
  const std::string_view digits = word.substr(2);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 1 || value > most)
    refuse(text, fmt::format("needs a whole number from 1 to {} after {}, got '{}'", most, word.substr(0, 2), digits));
  return value;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

void check_fits(std::string_view text, const FlowCase& flow) {
  const bool halves = flow.field == "hamiltonian";
  if (halves && flow.dimension % 2 == 1)
    refuse(text, fmt::format("has the field hamiltonian, which splits d in two: make d={} even", flow.dimension));
  if (!flow.tableau() && !halves)
    refuse(text, fmt::format("has the scheme {}, which needs a field of two halves: add hamiltonian", flow.scheme));
  const double numbers =
      static_cast<double>(flow.layers) * static_cast<double>(flow.dimension * flow.samples + flow.n_parameters());
  if (numbers > most_numbers)
    refuse(text, fmt::format("holds {:.2g} numbers in its states and controls, more than {:.0g}: take fewer samples or "
                             "layers",
                             numbers, most_numbers));
}

}  // namespace

std::vector<std::string> bench_schemes() {
  std::vector<std::string> names;
  for (const NamedTableau& entry : schemes) names.emplace_back(entry.scheme);
  return names;
}

std::vector<std::string> bench_fields() {
  return {"outer", "inner", "antisymmetric", "hamiltonian", "bottleneck"};
}

std::vector<std::string> bench_losses() {
  return {"mean_square", "cross_entropy"};
}

std::string FlowCase::name() const {
  const FlowCase plain;
  return fmt::format("flow d={} N={} K={} {} {}{}{}", dimension, samples, layers, scheme, facts_of(activation).name,
                     field == plain.field ? "" : " " + field, loss == plain.loss ? "" : " " + loss);
}

std::int64_t FlowCase::n_outputs() const {
  return loss == "cross_entropy" ? std::clamp<std::int64_t>(dimension, 2, 10) : 1;
}

const Tableau* FlowCase::tableau() const {
  for (const NamedTableau& entry : schemes)
    if (scheme == entry.scheme) return entry.tableau();
  throw ContractError("no scheme '" + scheme + "'");
}

std::int64_t FlowCase::n_parameters() const {
  const std::int64_t d = dimension;
  if (field == "hamiltonian") return d / 2 * (d / 2) + d;
  if (field == "bottleneck") return 2 * d * d + 2 * d;
  return d * d + d;
}

FlowCase parse_flow_case(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.empty() || words.front() != "flow")
    refuse(text, "must begin with 'flow', as in 'flow d=5 N=777 K=123 rk4 gelu'");
  FlowCase flow;
  std::vector<std::string> given;  // what has been said already
  const auto once = [&](const char* what) {
    if (contains(given, what)) refuse(text, fmt::format("names {} twice", what));
    given.emplace_back(what);
  };
  for (const std::string_view word : std::vector(words.begin() + 1, words.end())) {
    if (word.starts_with("d=")) {
      once("d");
      flow.dimension = number_of(text, word, 4096);
    } else if (word.starts_with("N=")) {
      once("N");
      flow.samples = number_of(text, word, 1000000);
    } else if (word.starts_with("K=")) {
      once("K");
      flow.layers = number_of(text, word, 100000);
    } else if (contains(bench_schemes(), word)) {
      once("a scheme");
      flow.scheme = word;
    } else if (contains(activation_names(), word)) {
      once("an activation");
      flow.activation = activation_named(word);
    } else if (contains(bench_fields(), word)) {
      once("a field");
      flow.field = word;
    } else if (contains(bench_losses(), word)) {
      once("a loss");
      flow.loss = word;
    } else {
      refuse_word(text, word);
    }
  }
  check_fits(text, flow);
  return flow;
}

const std::vector<GoalCase>& goal_cases() {
  static const std::vector<GoalCase> cases = {
      {{.dimension = 2, .samples = 500, .layers = 729}, 300, 150, {}},
      {{.dimension = 2, .samples = 2000, .layers = 100}, 80, 50, {}},
      {{.dimension = 2, .samples = 2000, .layers = 100, .scheme = "rk4"}, 80, 60, {}},
      {{.dimension = 8, .samples = 1000, .layers = 100}, 25, 20, {}},
      {{.dimension = 32, .samples = 1000, .layers = 50}, 8, 8, {}},
      {{.dimension = 64, .samples = 2000, .layers = 50}, 6, 6, {}},
      {{.dimension = 128, .samples = 2000, .layers = 20}, 3, 3, {}},
      {{.dimension = 512, .samples = 1024, .layers = 20}, {}, {}, 0.9},
      {{.dimension = 784, .samples = 256, .layers = 10}, {}, {}, 0.9},
  };
  return cases;
}

const GoalCase* goal_of(const FlowCase& flow) {
  for (const GoalCase& goal : goal_cases())
    if (goal.flow == flow) return &goal;
  return nullptr;
}

}  // namespace turnpike
