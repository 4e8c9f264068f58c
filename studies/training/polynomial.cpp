// T18. The coefficient table of lecture L3.
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr double data[] = {0.349486, 0.830839,  1.007332,  0.971507,  0.133066,
                           0.166823, -0.848307, -0.445686, -0.563567, 0.261502};
constexpr int n = 10;
constexpr double data_rounding = 5e-7, table_rounding = 0.005;

// [points, M + 1]
Tensor vandermonde(const Tensor& x, int degree) {
  std::vector<Tensor> powers;
  for (int j = 0; j <= degree; ++j) powers.push_back(x.pow(j));
  return at::stack(powers, 1);
}

// Least squares by QR: the normal equations would square a condition number of 10^7.
Tensor fit(const Tensor& x, const Tensor& y, int degree) {
  const auto [Q, R] = at::linalg_qr(vandermonde(x, degree));
  return at::linalg_solve(R, at::matmul(Q.t(), y));
}

}  // namespace

StudyReport run_polynomial(StudyContext&) {
  struct Column {
    int degree;
    std::vector<double> printed;
  };
  const Column columns[] = {
      {0, {0.19}},
      {1, {0.82, -1.27}},
      {3, {0.31, 7.99, -25.43, 17.37}},
      {9, {0.35, 232.37, -5321.83, 48568.31, -231639.30, 640042.26, -1061800.52, 1042400.18, -557682.99, 125201.43}}};
  const Tensor x = at::arange(n, at::kDouble) / (n - 1);
  const Tensor y = at::from_blob(const_cast<double*>(data), {n}, at::kDouble).clone();
  StudyReport report;
  Table table{.head = {"", "$M = 0$", "$M = 1$", "$M = 3$", "$M = 9$"}, .caption = "Coefficients as measured."};
  for (int j = 0; j < n; ++j) table.rows.push_back({fmt::format("$w_{}$", j), "", "", "", ""});
  Figure figure(
      {.title = "From fit to interpolation", .caption = "The four least squares polynomials through the ten points."});
  const Tensor fine = at::linspace(0, 1, 401, at::kDouble);

  for (int c = 0; c < 4; ++c) {
    const Column& column = columns[c];
    const Tensor w = fit(x, y, column.degree);
    const std::vector<double> measured = numbers(w);
    // How far the rounding of the data can move each coefficient.
    const Tensor inverse = at::linalg_pinv(vandermonde(x, column.degree), 1e-15);
    const std::vector<double> bound = numbers(inverse.abs().sum(1) * data_rounding);
    for (int j = 0; j <= column.degree; ++j) {
      const double tolerance = table_rounding + (column.degree == 9 ? bound[j] : 0);
      report.checks.push_back(check_equal("T18", fmt::format("$w_{}$ at $M = {}$", j, column.degree), "",
                                          column.printed[j], measured[j], tolerance));
      table.rows[j][c + 1] = fmt::format("{:.2f}", measured[j]);
    }
    figure.panel(fmt::format("$M = {}$", column.degree))
        .x({.label = "$x$"})
        .y({.label = "$y$", .low = -1.6, .high = 1.6})
        .line(numbers(fine), numbers(at::matmul(vandermonde(fine, column.degree), w)))
        .points(numbers(x), numbers(y), {.colour = ink::text, .marker = Marker::circle});
    if (column.degree == 9) {
      const double residual = (at::matmul(vandermonde(x, 9), w) - y).abs().max().item<double>();
      report.checks.push_back(check_equal("T18", "largest residual at $M = 9$: interpolation", "", 0, residual, 1e-9));
    }
  }
  report.figures.push_back({"polynomials", figure});
  report.tables.push_back(table);
  report.method.push_back(
      "Least squares by QR in double precision. A tolerance is half of the table's last digit; at $M = 9$ the bound of "
      "the data's rounding is added.");
  return report;
}

}  // namespace turnpike::studies
