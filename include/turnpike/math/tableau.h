// Runge-Kutta schemes as data: x1 = x0 + h sum_i b_i k_i,  k_i = f(t + c_i h, x0 + h sum_{j<i} a_ij k_j).
#pragma once

#include <string>
#include <vector>

namespace turnpike {

struct Tableau {
  std::string name;
  int order = 0;
  std::vector<std::vector<double>> a;  // strictly lower triangular, row i has i entries
  std::vector<double> b, c;
  std::vector<double> b_error;  // b - b_hat for embedded pairs, empty otherwise
  // Dense output of degree rows: x(t + theta h) = x0 + h sum_i k_i sum_m dense[i][m] theta^(m+1); empty: cubic Hermite.
  std::vector<std::vector<double>> dense;

  int stages() const { return static_cast<int>(b.size()); }
};

const Tableau& euler_tableau();             // order 1
const Tableau& midpoint_tableau();          // order 2
const Tableau& heun_tableau();              // order 2 (trapezoidal corrector)
const Tableau& rk4_tableau();               // order 4, the classical one
const Tableau& bogacki_shampine_tableau();  // order 3(2), 4 stages, first same as last
const Tableau& dormand_prince_tableau();    // order 5(4), 7 stages, first same as last; dense output of order 4

}  // namespace turnpike
