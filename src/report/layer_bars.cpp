// Bars over names, and histograms.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/report/text.h>

#include "layer_internal.h"

namespace turnpike {
namespace {

class BarsLayer : public Layer {
 public:
  BarsLayer(std::vector<std::string> names, std::vector<Bars> series)
      : names_(std::move(names)), series_(std::move(series)) {
    for (const Bars& bars : series_) {
      require_same_length("bars", names_.size(), bars.values.size());
      require_same_length("bars: intervals", bars.low.size(), bars.high.size());
      if (!bars.low.empty()) require_same_length("bars: intervals", bars.low.size(), bars.values.size());
    }
  }
  void extend(Extent& x, Extent& y) const override {
    if (names_.empty()) return;
    x.add_tight(-0.6, names_.size() - 0.4);
    for (const Bars& bars : series_) {
      y.add_all(bars.values);
      y.add_all(bars.low);
      y.add_all(bars.high);
    }
    if (y.scale == Scale::linear && !y.is_empty()) {
      y.add(0);
      if (y.low == 0) y.tight_low = 0;
      if (y.high == 0) y.tight_high = 0;
    }
  }
  void draw(Canvas& canvas) const override {
    double width = 0.8 / std::max<std::size_t>(series_.size(), 1);
    double floor = canvas.y().scale == Scale::log ? canvas.frame().bottom : canvas.at(0, 0).y;
    for (std::size_t s = 0; s < series_.size(); ++s) {
      const Bars& bars = series_[s];
      for (std::size_t i = 0; i < names_.size(); ++i) {
        double left = i - 0.4 + s * width;
        Point a = canvas.at(left, bars.values[i]), b = canvas.at(left + width, bars.values[i]);
        if (!std::isfinite(a.y)) continue;
        double gap = std::min(1.0, (b.x - a.x) * 0.06);
        canvas.box({a.x + gap, std::min(a.y, floor), b.x - gap, std::max(a.y, floor)}, bars.colour, 0.85);
        if (bars.low.empty()) continue;
        double middle = (a.x + b.x) / 2;
        double low = canvas.at(left, bars.low[i]).y, high = canvas.at(left, bars.high[i]).y;
        Point gap_point{NAN, NAN};
        Look look{.colour = ink::text, .width = 1.2};
        canvas.curve({{middle - 3, low},
                      {middle + 3, low},
                      gap_point,
                      {middle, low},
                      {middle, high},
                      gap_point,
                      {middle - 3, high},
                      {middle + 3, high}},
                     look);
      }
    }
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    for (const Bars& bars : series_) {
      if (!bars.label.empty())
        entries.push_back({bars.label, Look{.colour = bars.colour, .opacity = 0.85}, Glyph::patch});
    }
  }
  void rows(std::vector<DataRow>& out) const override {
    for (const Bars& bars : series_) {
      for (std::size_t i = 0; i < names_.size(); ++i) {
        DataRow row{
            .mark = "bar", .series = plain_text(bars.label), .item = plain_text(names_[i]), .y = bars.values[i]};
        if (!bars.low.empty()) row.low = bars.low[i], row.high = bars.high[i];
        out.push_back(row);
      }
    }
  }

 private:
  std::vector<std::string> names_;
  std::vector<Bars> series_;
};

class HistogramLayer : public Layer {
 public:
  HistogramLayer(std::vector<double> samples, Look look, long n_bins) : look_(std::move(look)) {
    std::erase_if(samples, [](double value) { return !std::isfinite(value) || std::abs(value) > 1e300; });
    if (samples.empty()) return;
    std::sort(samples.begin(), samples.end());
    low_ = samples.front();
    high_ = samples.back();
    if (high_ - low_ <= 1e-12 * std::max(std::abs(low_), std::abs(high_))) {
      double half = low_ == 0 ? 0.5 : std::abs(low_) * 0.05;
      low_ -= half;
      high_ += half;
      n_bins = 1;
    }
    if (n_bins <= 0) {
      // Freedman and Diaconis 1981: bin width 2 IQR n^(-1/3).
      auto quantile = [&](double q) { return samples[std::size_t(q * (samples.size() - 1))]; };
      double width = 2 * (quantile(0.75) - quantile(0.25)) / std::cbrt(double(samples.size()));
      n_bins = width > 0 ? long(std::clamp(std::ceil((high_ - low_) / width), 1.0, 200.0)) : 30;
    }
    counts_.assign(n_bins, 0);
    for (double value : samples) ++counts_[std::min(long((value - low_) / (high_ - low_) * n_bins), n_bins - 1)];
  }
  void extend(Extent& x, Extent& y) const override {
    if (counts_.empty()) return;
    x.add(low_);
    x.add(high_);
    y.add(*std::max_element(counts_.begin(), counts_.end()));
    if (y.scale == Scale::log) {
      y.add(0.8);
    } else {
      y.add(0);
      y.tight_low = 0;
    }
  }
  void draw(Canvas& canvas) const override {
    if (counts_.empty()) return;
    double floor = canvas.y().scale == Scale::log ? canvas.frame().bottom : canvas.at(low_, 0).y;
    Polyline outline{{canvas.at(low_, 1).x, floor}};
    for (std::size_t k = 0; k < counts_.size(); ++k) {
      for (std::size_t side : {k, k + 1}) {
        double top = counts_[k] > 0 ? canvas.at(low_, counts_[k]).y : floor;
        outline.push_back({canvas.at(edge(side), 1).x, top});
      }
    }
    outline.push_back({canvas.at(high_, 1).x, floor});
    canvas.area({outline}, look_.colour, look_.opacity < 1 ? look_.opacity : 0.35);
    canvas.cover({outline});
    Look line = look_;
    line.width = 1.4;
    line.opacity = 1;
    canvas.curve(outline, line);
  }
  void legend(std::vector<LegendEntry>& entries) const override {
    if (!look_.label.empty()) entries.push_back({look_.label, look_, Glyph::patch});
  }
  void rows(std::vector<DataRow>& out) const override {
    for (std::size_t k = 0; k < counts_.size(); ++k) {
      out.push_back({.mark = "histogram",
                     .series = plain_text(look_.label),
                     .item = "",
                     .y = counts_[k],
                     .low = edge(k),
                     .high = edge(k + 1)});
    }
  }

 private:
  double edge(std::size_t k) const { return low_ + (high_ - low_) * k / counts_.size(); }
  Look look_;
  double low_ = 0, high_ = 1;
  std::vector<double> counts_;
};

}  // namespace

Panel& Panel::bars(std::vector<std::string> names, std::vector<Bars> series) {
  require(categories_.empty() || categories_ == names,
          "a panel has one set of bar names; give all series to one call of bars()");
  categories_ = names;
  for (Bars& bars : series) bars.colour = resolve(Look{.colour = bars.colour}).colour;
  return add(std::make_shared<BarsLayer>(std::move(names), std::move(series)));
}

Panel& Panel::histogram(std::vector<double> samples, Look look, long n_bins) {
  return add(std::make_shared<HistogramLayer>(std::move(samples), resolve(std::move(look)), n_bins));
}

}  // namespace turnpike
