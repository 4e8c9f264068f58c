#include <turnpike/math/tableau.h>

namespace turnpike {
namespace {

// Dense output of Dormand-Prince from Hairer's form (Hairer, Norsett, Wanner, Solving ODEs I, 2nd ed., II.6; after
// Shampine 1986, doi:10.1090/S0025-5718-1986-0815836-3):
//   b_i(theta) = theta b_i + theta (1-theta) (e1_i - b_i) + theta^2 (1-theta) (2 b_i - e1_i - e7_i) + theta^2
//   (1-theta)^2 d_i
// with e1, e7 the unit weights of the first and the last stage; here its coefficients of theta .. theta^4.
std::vector<std::vector<double>> dormand_prince_dense(const std::vector<double>& b) {
  const std::vector<double> d = {-12715105075.0 / 11282082432,  0,
                                 87487479700.0 / 32700410799,   -10690763975.0 / 1880347072,
                                 701980252875.0 / 199316789632, -1453857185.0 / 822651844,
                                 69997945.0 / 29380423};
  std::vector<std::vector<double>> dense;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double e1 = i == 0, e7 = i + 1 == b.size();
    dense.push_back({e1, 3 * b[i] - 2 * e1 - e7 + d[i], -2 * b[i] + e1 + e7 - 2 * d[i], d[i]});
  }
  return dense;
}

}  // namespace

const Tableau& euler_tableau() {
  static const Tableau tableau{.name = "euler", .order = 1, .a = {{}}, .b = {1}, .c = {0}, .b_error = {}, .dense = {}};
  return tableau;
}

const Tableau& midpoint_tableau() {
  static const Tableau tableau{
      .name = "midpoint", .order = 2, .a = {{}, {1.0 / 2}}, .b = {0, 1}, .c = {0, 1.0 / 2}, .b_error = {}, .dense = {}};
  return tableau;
}

const Tableau& heun_tableau() {
  static const Tableau tableau{
      .name = "heun", .order = 2, .a = {{}, {1}}, .b = {1.0 / 2, 1.0 / 2}, .c = {0, 1}, .b_error = {}, .dense = {}};
  return tableau;
}

const Tableau& rk4_tableau() {
  static const Tableau tableau{.name = "rk4",
                               .order = 4,
                               .a = {{}, {1.0 / 2}, {0, 1.0 / 2}, {0, 0, 1}},
                               .b = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
                               .c = {0, 1.0 / 2, 1.0 / 2, 1},
                               .b_error = {},
                               .dense = {}};
  return tableau;
}

// Bogacki & Shampine 1989, doi:10.1016/0893-9659(89)90079-7; the embedded weights are 7/24, 1/4, 1/3, 1/8.
const Tableau& bogacki_shampine_tableau() {
  static const Tableau tableau{.name = "bosh3",
                               .order = 3,
                               .a = {{}, {1.0 / 2}, {0, 3.0 / 4}, {2.0 / 9, 1.0 / 3, 4.0 / 9}},
                               .b = {2.0 / 9, 1.0 / 3, 4.0 / 9, 0},
                               .c = {0, 1.0 / 2, 3.0 / 4, 1},
                               .b_error = {-5.0 / 72, 1.0 / 12, 1.0 / 9, -1.0 / 8},
                               .dense = {}};
  return tableau;
}

// Dormand & Prince 1980, doi:10.1016/0771-050X(80)90013-3.
const Tableau& dormand_prince_tableau() {
  static const std::vector<double> b = {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0};
  static const Tableau tableau{
      .name = "dopri5",
      .order = 5,
      .a = {{},
            {1.0 / 5},
            {3.0 / 40, 9.0 / 40},
            {44.0 / 45, -56.0 / 15, 32.0 / 9},
            {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
            {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
            {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
      .b = b,
      .c = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
      .b_error = {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40},
      .dense = dormand_prince_dense(b)};
  return tableau;
}

}  // namespace turnpike
