#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <sstream>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>

#include "gallery.h"
#include "xml_check.h"

namespace turnpike {
namespace {

double number(const std::map<std::string, std::string>& attributes, const char* key, double fallback = 0) {
  auto found = attributes.find(key);
  return found == attributes.end() ? fallback : std::stod(found->second);
}

// The points of path data (M, l, h, v, z), absolute.
std::vector<std::vector<Point>> points_of(const std::string& data) {
  std::vector<std::vector<Point>> pieces;
  double x = 0, y = 0;
  std::size_t i = 0;
  char command = 0;
  auto next = [&] {
    while (i < data.size() && data[i] == ' ') ++i;
    std::size_t used = 0;
    double value = std::stod(data.substr(i, 24), &used);
    i += used;
    return value;
  };
  while (i < data.size()) {
    if (data[i] == ' ') {
      ++i;
      continue;
    }
    if (std::isalpha(static_cast<unsigned char>(data[i]))) command = data[i++];
    switch (command) {
      case 'M': {
        x = next(), y = next();
        pieces.push_back({});
        break;
      }
      case 'l': {
        double dx = next(), dy = next();
        x += dx, y += dy;
        break;
      }
      case 'h': x += next(); break;
      case 'v': y += next(); break;
      case 'z': continue;
      default: throw Error("unexpected path command in " + data.substr(0, 40));
    }
    pieces.back().push_back({x, y});
  }
  return pieces;
}

// Laws of every SVG text: well formed, finite, and inside its own view box.
void expect_sound(const std::string& svg, const std::string& name) {
  SCOPED_TRACE(name);
  XmlResult xml = read_xml(svg);
  ASSERT_EQ(xml.error, "");
  ASSERT_EQ(xml.elements.at(0).name, "svg");
  std::istringstream box(xml.elements[0].attributes["viewBox"]);
  double left, top, width, height;
  box >> left >> top >> width >> height;
  ASSERT_GT(width, 0);
  ASSERT_GT(height, 0);
  auto expect_inside = [&](double x, double y, const XmlElement& e) {
    EXPECT_TRUE(x >= -0.5 && x <= width + 0.5 && y >= -0.5 && y <= height + 0.5)
        << e.name << " at " << x << ", " << y << " of " << width << " x " << height << " " << e.text;
  };
  for (const XmlElement& e : xml.elements) {
    for (const auto& [key, value] : e.attributes) {
      if (key == "aria-label" || key == "href") continue;
      EXPECT_EQ(value.find("nan"), std::string::npos) << e.name << " " << key;
      EXPECT_EQ(value.find("inf"), std::string::npos) << e.name << " " << key;
    }
    if (e.name == "path") {
      for (const auto& piece : points_of(e.attributes.at("d"))) {
        for (Point p : piece) expect_inside(p.x, p.y, e);
      }
    } else if (e.name == "rect" || e.name == "image") {
      double x = number(e.attributes, "x"), y = number(e.attributes, "y");
      EXPECT_GE(number(e.attributes, "width"), 0);
      EXPECT_GE(number(e.attributes, "height"), 0);
      expect_inside(x, y, e);
      expect_inside(x + number(e.attributes, "width"), y + number(e.attributes, "height"), e);
    } else if (e.name == "text") {
      expect_inside(number(e.attributes, "x"), number(e.attributes, "y"), e);
    }
  }
}

std::vector<XmlElement> elements_of(const std::string& svg, const std::string& name) {
  std::vector<XmlElement> out;
  for (const XmlElement& e : read_xml(svg).elements) {
    if (e.name == name) out.push_back(e);
  }
  return out;
}

bool has_text(const std::string& svg, const std::string& text) {
  for (const XmlElement& e : read_xml(svg).elements) {
    bool is_text = e.name == "text" || e.name == "tspan";
    if (is_text && e.text.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(Figure, EverythingInTheGalleryIsSound) {
  for (const auto& [name, figure] : gallery::figures()) {
    expect_sound(figure.svg(), name);
    expect_sound(figure.svg(Theme::dark), name);
    expect_sound(figure.inline_svg(), name);
  }
}

TEST(Figure, IsTheSameEveryTime) {
  auto first = gallery::figures(), second = gallery::figures();
  for (std::size_t k = 0; k < first.size(); ++k) {
    EXPECT_EQ(first[k].second.svg(), second[k].second.svg());
    EXPECT_EQ(first[k].second.csv(), second[k].second.csv());
    EXPECT_EQ(first[k].second.svg(), first[k].second.svg());
  }
}

TEST(Figure, IsSmall) {
  EXPECT_LT(gallery::many_trajectories().svg().size(), 200'000u);  // 400 x 100 points; the bound asked for is 500 kB
  std::vector<double> x, y;
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (int k = 0; k < 200'000; ++k) {
    x.push_back(k);
    y.push_back(normal(random));
  }
  Figure dense;
  dense.panel().points(x, y);
  EXPECT_LT(dense.svg().size(), 2'000'000u);
}

// Law: every sample of a drawn curve is within half a pixel of what is drawn.
TEST(Figure, DecimationKeepsCurvesWithinHalfAPixel) {
  std::vector<double> x, y;
  for (int k = 0; k <= 5000; ++k) {
    x.push_back(k / 5000.0);
    y.push_back(std::sin(40 * x.back() * x.back()) * std::exp(-x.back()));
  }
  Figure figure;
  figure.panel().x({.low = 0, .high = 1}).y({.low = -1, .high = 1}).line(x, y);
  std::string svg = figure.svg();
  std::vector<Point> curve, axis;
  for (const XmlElement& e : elements_of(svg, "path")) {
    if (e.attributes.at("class") == "s0") curve = points_of(e.attributes.at("d")).at(0);
    if (e.attributes.at("class") == "a") {
      axis = points_of(e.attributes.at("d")).at(0);              // the x axis: left and right end
      axis.push_back(points_of(e.attributes.at("d")).at(1)[0]);  // the y axis: top, bottom
      axis.push_back(points_of(e.attributes.at("d")).at(1)[1]);
    }
  }
  ASSERT_GT(curve.size(), 50u);
  EXPECT_LT(curve.size(), 1000u);
  double left = axis[0].x, right = axis[1].x, top = axis[2].y, bottom = axis[3].y, worst = 0;
  std::size_t segment = 1;
  for (std::size_t k = 0; k < x.size(); ++k) {
    Point p{left + x[k] * (right - left), bottom - (y[k] + 1) / 2 * (bottom - top)};
    double best = 1e300;
    while (segment + 1 < curve.size() && curve[segment].x < p.x - 1) ++segment;
    for (std::size_t s = segment; s < std::min(segment + 40, curve.size()); ++s) {
      Point a = curve[s - 1], b = curve[s];
      double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
      double t = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
      best = std::min(best, std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
    }
    worst = std::max(worst, best);
  }
  EXPECT_LT(worst, 0.5);
}

TEST(Figure, EscapesWhatUsersWrite) {
  Figure figure({.title = "a < b & \"c\"", .caption = "<script>"});
  figure.panel("<p>")
      .x({.label = "x & y"})
      .y({.label = "<>"})
      .line({0, 1}, {0, 1}, {.label = "l & <m>"})
      .note(0.5, 0.5, "</svg>")
      .x_mark(0.2, "\"&\"");
  std::string svg = figure.svg();
  expect_sound(svg, "escapes");
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
  EXPECT_TRUE(has_text(svg, "l &amp; &lt;m&gt;"));
}

TEST(Figure, SaysWhatItCannotShow) {
  Figure log;
  log.panel().y({.scale = Scale::log}).line({0, 1, 2}, {1, 0, 0.1});
  EXPECT_TRUE(has_text(log.svg(), "1 value ≤ 0 not shown"));
  Figure negative;
  negative.panel().y({.scale = Scale::log}).line({0, 1}, {-1, -2});
  EXPECT_TRUE(has_text(negative.svg(), "no data: 2 values ≤ 0"));
  EXPECT_TRUE(has_text(Figure().svg(), "no data"));
  Figure nan;
  nan.panel().points({gallery::nan}, {1});
  EXPECT_TRUE(has_text(nan.svg(), "no data"));
}

TEST(Figure, NaNBreaksLines) {
  Figure figure;
  figure.panel().line({0, 1, 2, 3, 4}, {0, 1, gallery::nan, 1, 0});
  for (const XmlElement& e : elements_of(figure.svg(), "path")) {
    if (e.attributes.at("class") != "s0") continue;
    EXPECT_EQ(points_of(e.attributes.at("d")).size(), 2u);
  }
}

TEST(Figure, ClipsToItsFrame) {
  Figure figure;
  figure.panel().x({.low = 0, .high = 1}).y({.low = 0, .high = 1}).line({-1e9, 1e9}, {0.5, 0.5}).points({5}, {0.5});
  for (const XmlElement& e : elements_of(figure.svg(), "path")) {
    std::string style = e.attributes.at("class");
    if (style == "s0") {
      EXPECT_EQ(points_of(e.attributes.at("d")).at(0).size(), 2u);
    }
    EXPECT_NE(style, "s1") << "a point outside the axes is drawn";
  }
}

// The rectangle of a text element by the same generous estimate for all: 0.62 of the font size a character.
TEST(Figure, TheLegendCoversNoData) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int trial = 0; trial < 30; ++trial) {
    // Points in a random part of the frame, so that the free corner is elsewhere each time; sometimes everywhere.
    double left = uniform(random) * 0.5, low = uniform(random) * 0.5, size = trial % 5 == 0 ? 1 : 0.5;
    if (size == 1) left = low = 0;
    std::vector<double> x, y;
    for (int k = 0; k < 400; ++k) {
      x.push_back(left + size * uniform(random));
      y.push_back(low + size * uniform(random));
    }
    Figure figure;
    figure.panel().x({.low = 0, .high = 1}).y({.low = 0, .high = 1}).points(x, y, {.label = "measured"});
    XmlResult xml = read_xml(figure.svg());
    std::vector<Point> data;
    double legend_x = -1, legend_y = -1;
    for (const XmlElement& e : xml.elements) {
      if (e.name == "path" && e.attributes.at("class") == "s0" && data.empty()) {
        for (const auto& piece : points_of(e.attributes.at("d"))) data.push_back(piece[0]);
      }
      if (e.name == "text" && e.text == "measured")
        legend_x = number(e.attributes, "x"), legend_y = number(e.attributes, "y");
    }
    ASSERT_EQ(data.size(), 400u);
    ASSERT_GE(legend_x, 0);
    for (Point p : data) {
      bool covered = p.x > legend_x - 20 && p.x < legend_x + 8 * 12 * 0.62 && p.y > legend_y - 12 && p.y < legend_y + 4;
      EXPECT_FALSE(covered) << "trial " << trial << ": a point at " << p.x << ", " << p.y << " below the legend at "
                            << legend_x << ", " << legend_y;
    }
  }
}

TEST(Figure, PanelsWithTheSameLegendShareIt) {
  Figure figure;
  for (int k = 0; k < 3; ++k) figure.panel().classes({0, 1}, {0, 1}, {0, 1}, {"cats", "dogs"});
  auto texts = elements_of(figure.svg(), "text");
  EXPECT_EQ(std::count_if(texts.begin(), texts.end(), [](const XmlElement& e) { return e.text == "cats"; }), 1);
}

// The path of a CSS class; of the first piece only.
std::vector<Point> piece_of(const std::string& svg, const std::string& css_class) {
  for (const XmlElement& e : elements_of(svg, "path")) {
    if (e.attributes.at("class") == css_class) return points_of(e.attributes.at("d")).at(0);
  }
  return {};
}

// A tick label stands beside the place where data of its value are drawn.
TEST(Figure, TicksStandWhereTheDataAre) {
  Figure figure;
  figure.panel()
      .x({.low = 0, .high = 4})
      .y({.scale = Scale::log, .low = 1e-3, .high = 10})
      .line({3, 3}, {0.01, 1}, {.label = ""});
  std::string svg = figure.svg();
  auto line = piece_of(svg, "s0");
  ASSERT_EQ(line.size(), 2u);
  double three = -1, hundredth = -1, one = -1;
  std::vector<XmlElement> elements = read_xml(svg).elements;
  for (std::size_t k = 0; k + 1 < elements.size(); ++k) {
    const XmlElement &e = elements[k], &script = elements[k + 1];
    if (e.name != "text") continue;
    if (e.text == "3.0") three = number(e.attributes, "x");
    if (e.text == "10" && script.text == "−2") hundredth = number(e.attributes, "y");
    if (e.text == "10" && script.text == "0") one = number(e.attributes, "y");
  }
  EXPECT_NEAR(line[0].x, three, 0.2);
  EXPECT_NEAR(line[0].y + 4, hundredth, 0.2);  // baseline below the middle of the digits
  EXPECT_NEAR(line[1].y + 4, one, 0.2);
  EXPECT_GT(line[0].y, line[1].y) << "larger values stand higher";
}

TEST(Figure, ReferencesAreInView) {
  Figure figure;
  figure.panel().line({0, 1}, {0, 1}).x_mark(100, "far").y_mark(-50);
  auto svg = figure.svg();
  EXPECT_TRUE(has_text(svg, "far"));
  auto paths = elements_of(svg, "path");
  EXPECT_EQ(
      std::count_if(paths.begin(), paths.end(), [](const XmlElement& e) { return e.attributes.at("class") == "sm"; }),
      2);
}

TEST(Figure, ArrowsPointWhereTheyShould) {
  Figure figure;
  figure.panel().x({.low = 0, .high = 2}).y({.low = 0, .high = 2}).arrows({1}, {1}, {0.5}, {2}, {.colour = 0});
  auto arrow = piece_of(figure.svg(), "s0");
  ASSERT_GE(arrow.size(), 2u);
  EXPECT_GT(arrow[1].x, arrow[0].x);
  EXPECT_LT(arrow[1].y, arrow[0].y) << "up is towards smaller y in SVG";
}

TEST(Figure, RegionsBelongToTheLargestScore) {
  // Class 0 wins for x < 0, class 1 for x > 0.
  Grid first{-1, 1, -1, 1, 2, 2, {1, 0, 1, 0}}, second{-1, 1, -1, 1, 2, 2, {0, 1, 0, 1}};
  Figure figure;
  figure.panel().regions({first, second});
  std::string svg = figure.svg();
  auto left = piece_of(svg, "f0"), right = piece_of(svg, "f1");
  ASSERT_GE(left.size(), 4u);
  ASSERT_GE(right.size(), 4u);
  auto by_x = [](Point a, Point b) { return a.x < b.x; };
  double border = std::max_element(left.begin(), left.end(), by_x)->x;
  EXPECT_NEAR(std::min_element(right.begin(), right.end(), by_x)->x, border, 0.2);
  EXPECT_LT(std::min_element(left.begin(), left.end(), by_x)->x, border - 50);
}

TEST(Figure, HistogramsCountEverySample) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<double> samples{gallery::nan};
  for (int k = 0; k < 777; ++k) samples.push_back(normal(random));
  Figure figure;
  figure.panel().histogram(samples);
  std::istringstream csv(figure.csv());
  std::string line;
  std::getline(csv, line);
  ASSERT_EQ(line, "mark,y,low,high");
  double sum = 0, last_high = -1e9;
  while (std::getline(csv, line)) {
    double count, low, high;
    ASSERT_EQ(std::sscanf(line.c_str(), "histogram,%lf,%lf,%lf", &count, &low, &high), 3);
    sum += count;
    if (last_high > -1e9) {
      EXPECT_EQ(low, last_high);
    }
    last_high = high;
  }
  EXPECT_EQ(sum, 777);
}

// The bytes of a base64 text.
std::string decoded(const std::string& text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0, n = 0;
  for (char c : text) {
    if (c == '=') break;
    bits = bits << 6 | unsigned(digits.find(c));
    n += 6;
    if (n >= 8) out += char(bits >> (n -= 8));
  }
  return out;
}

TEST(Figure, HeatMapsAreUprightAndOfTheRightColours) {
  // Two columns, three rows; the largest value at the top right, a hole at the bottom left.
  Grid grid{0, 1, 0, 2, 2, 3, {gallery::nan, 0, 1, 2, 3, 10}};
  Figure figure;
  figure.panel().heat(grid, {.low = 0, .high = 10, .smooth = false});
  auto images = elements_of(figure.svg(), "image");
  ASSERT_EQ(images.size(), 2u);  // and the colour bar
  std::string prefix = "data:image/png;base64,", address = images[0].attributes.at("href");
  ASSERT_TRUE(address.starts_with(prefix));
  std::string png = decoded(address.substr(prefix.size()));
  auto chunk = [&](const char* type) {
    auto at = png.find(type);
    auto byte = [&](std::size_t k) { return static_cast<unsigned char>(png[at - 4 + k]); };
    std::size_t size = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    return png.substr(at + 4, size);
  };
  std::string palette = chunk("PLTE"), packed = chunk("IDAT");
  EXPECT_EQ(palette.substr(3, 3), "\x44\x01\x54");     // viridis begins in violet
  EXPECT_EQ(palette.substr(255 * 3), "\xfd\xe7\x25");  // and ends in yellow
  EXPECT_EQ(chunk("tRNS"), std::string(1, '\0'));
  std::string rows(64, '\0');
  uLongf size = rows.size();
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                       packed.size()),
            Z_OK);
  ASSERT_EQ(size, 9u);  // three rows of a filter byte and two pixels
  auto pixel = [&](int row, int column) { return int(static_cast<unsigned char>(rows[row * 3 + 1 + column])); };
  EXPECT_EQ(pixel(0, 1), 255);
  EXPECT_EQ(pixel(2, 0), 0);
  EXPECT_EQ(pixel(2, 1), 1);
  EXPECT_EQ(pixel(1, 0), 1 + 25);  // 254 / 10, rounded
}

TEST(Figure, FortyNineClassesLookDifferent) {
  std::set<std::string> looks;
  for (int c = 0; c < 49; ++c) {
    Figure figure;
    figure.panel().x({.low = 0, .high = 1}).y({.low = 0, .high = 1}).classes({0.5}, {0.5}, {c});
    std::string svg = figure.svg();
    for (const XmlElement& e : elements_of(svg, "path")) {
      std::string style = e.attributes.at("class");
      if (style[0] == 's' || style[0] == 'f') looks.insert(style.substr(1) + e.attributes.at("d"));
    }
  }
  EXPECT_EQ(looks.size(), 49u);
}

TEST(Figure, CsvHoldsTheDataExactly) {
  Figure figure;
  figure.panel().line({0.1, 1.0 / 3}, {1e-300, gallery::nan}, {.label = "a, \"b\""});
  EXPECT_EQ(figure.csv(),
            "mark,series,x,y\nline,\"a, \"\"b\"\"\",0.1,1e-300\nline,\"a, \"\"b\"\"\",0.3333333333333333,nan\n");
  Figure two;
  two.panel().band({1}, {2}, {3});
  two.panel().steps({0, 1}, {5}, {.label = "$|u|_2$"});
  EXPECT_EQ(two.csv(), "panel,mark,series,x,y,low,high\n1,band,,1,,2,3\n2,step,|u|_2,,5,0,1\n");
}

TEST(Figure, RefusesColumnsOfDifferentLengths) {
  Figure figure;
  Panel& panel = figure.panel();
  EXPECT_THROW(panel.line({1, 2}, {1}), ContractError);
  EXPECT_THROW(panel.steps({1, 2}, {1, 2}), ContractError);
  EXPECT_THROW(panel.band({1}, {1}, {}), ContractError);
  EXPECT_THROW(panel.classes({1}, {1}, {-1}), ContractError);
  EXPECT_THROW(panel.trajectories({{1, 2}}, {{1}}), ContractError);
  EXPECT_THROW(panel.heat(Grid{0, 1, 0, 1, 2, 2, {1, 2, 3}}), ContractError);
  EXPECT_THROW(panel.bars({"a"}, {{.values = {1, 2}}}), ContractError);
  EXPECT_THROW(Figure({.width = 0}).svg(), ContractError);
}

// The fit's line is drawn where its formula says, and its equation stands in the figure.
TEST(Figure, FitsAreDrawnWithTheirEquation) {
  DecayFit fit;
  fit.rate = 0.41, fit.rate_low = 0.4, fit.rate_high = 0.42, fit.constant = 2;
  Figure figure;
  figure.panel().x({.label = "$s$"}).y({.scale = Scale::log}).line({0, 10}, {2, 2 * std::exp(-4.1)}).fit(fit, 0, 10);
  std::string svg = figure.svg(), csv = figure.csv();
  EXPECT_TRUE(has_text(svg, ", rate 95 % [0.4, 0.42]"));
  EXPECT_NE(
      csv.find("fit,\"2 e^−0.41 s, rate 95 % [0.4, 0.42]\",10," + std::to_string(2 * std::exp(-4.1)).substr(0, 6)),
      std::string::npos)
      << csv.substr(csv.size() - 200);
}

struct Colour {
  double r, g, b;  // linear light
};

Colour parse_colour(const std::string& hex) {
  auto channel = [&](int at) {
    double v = std::stoi(hex.substr(at, 2), nullptr, 16) / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return {channel(1), channel(3), channel(5)};
}

double luminance(Colour c) {
  return 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b;
}

// CIE 1976 colour difference.
double difference(Colour a, Colour b) {
  auto lab = [](Colour c) {
    auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    double x = f((0.4124 * c.r + 0.3576 * c.g + 0.1805 * c.b) / 0.9505), y = f(luminance(c)),
           z = f((0.0193 * c.r + 0.1192 * c.g + 0.9505 * c.b) / 1.089);
    return std::array<double, 3>{116 * y - 16, 500 * (x - y), 200 * (y - z)};
  };
  auto p = lab(a), q = lab(b);
  return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

// Complete protanopia, deuteranopia and tritanopia: Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, in
// linear light.
Colour seen_by(Colour c, int kind) {
  static constexpr double m[3][9] = {
      {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
      {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
      {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900}};
  const double* k = m[kind];
  auto bound = [](double v) { return std::clamp(v, 0.0, 1.0); };
  return {bound(k[0] * c.r + k[1] * c.g + k[2] * c.b), bound(k[3] * c.r + k[4] * c.g + k[5] * c.b),
          bound(k[6] * c.r + k[7] * c.g + k[8] * c.b)};
}

TEST(Palette, ColourBlindReadersTellTheColoursApart) {
  for (Theme theme : {Theme::light, Theme::dark}) {
    std::string svg = Figure().svg(theme);
    std::vector<Colour> colours;
    for (int k = 0; k < n_colours; ++k) {
      std::string rule = ".tp .s" + std::to_string(k) + "{stroke:";
      auto at = svg.find(rule);
      ASSERT_NE(at, std::string::npos);
      colours.push_back(parse_colour(svg.substr(at + rule.size(), 7)));
    }
    Colour paper = parse_colour(svg.substr(svg.find(".tp .p{fill:") + 12, 7));
    for (int a = 0; a < n_colours; ++a) {
      double high = std::max(luminance(colours[a]), luminance(paper)) + 0.05,
             low = std::min(luminance(colours[a]), luminance(paper)) + 0.05;
      EXPECT_GT(high / low, 2.0) << "colour " << a << " on the paper of theme " << int(theme);
      for (int b = 0; b < a; ++b) {
        EXPECT_GT(difference(colours[a], colours[b]), 20) << a << " and " << b;
        // 2.3 is a just noticeable difference; 10 is seen at a glance.
        for (int kind = 0; kind < 3; ++kind)
          EXPECT_GT(difference(seen_by(colours[a], kind), seen_by(colours[b], kind)), 10)
              << a << " and " << b << " of theme " << int(theme) << " for reader " << kind;
      }
    }
  }
}

// TURNPIKE_GALLERY=folder writes the page and the figures there, to look at.
TEST(Gallery, CanBeWritten) {
  const char* chosen = std::getenv("TURNPIKE_GALLERY");
  std::filesystem::path folder = chosen ? chosen : std::filesystem::path(testing::TempDir()) / "turnpike-gallery";
  std::filesystem::create_directories(folder);
  write_file(folder / "light.html", gallery::page_html(Theme::light));
  write_file(folder / "dark.html", gallery::page_html(Theme::dark));
  for (const auto& [name, figure] : gallery::figures()) write_file(folder / (name + ".svg"), figure.svg());
  EXPECT_GT(std::filesystem::file_size(folder / "light.html"), 100'000u);
  EXPECT_LT(std::filesystem::file_size(folder / "light.html"), 600'000u);
}

}  // namespace
}  // namespace turnpike
