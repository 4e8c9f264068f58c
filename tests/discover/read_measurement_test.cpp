#include <turnpike/discover/read_measurement.h>

#include <cmath>
#include <complex>
#include <limits>

#include <turnpike/io/npy.h>

#include "../io/expect.h"
#include "../io/sample_files.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using Files = std::vector<std::filesystem::path>;

double wave(double x, double t) {
  return std::sin(x - 0.3 * t) + 0.1 * x;
}

std::vector<double> points(std::int64_t n, double start, double step) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(start + static_cast<double>(i) * step);
  return out;
}

Array row(const std::vector<double>& values) {
  return array_of<double>({static_cast<std::int64_t>(values.size())}, values);
}

// wave over [x, t], or over [t, x].
Array field(const std::vector<double>& x, const std::vector<double>& t, bool time_first = false) {
  std::vector<double> values;
  const auto n_x = static_cast<std::int64_t>(x.size()), n_t = static_cast<std::int64_t>(t.size());
  if (time_first) {
    for (double time : t)
      for (double place : x) values.push_back(wave(place, time));
    return array_of<double>({n_t, n_x}, values);
  }
  for (double place : x)
    for (double time : t) values.push_back(wave(place, time));
  return array_of<double>({n_x, n_t}, values);
}

void expect_wave(const Measurement& m) {
  ASSERT_EQ(m.axes.size(), 2u);
  EXPECT_EQ(m.axes[0].name, "x");
  EXPECT_EQ(m.axes[1].name, "t");
  std::size_t i = 0;
  for (double x : m.axes[0].points)
    for (double t : m.axes[1].points) ASSERT_NEAR(m.fields[0].values[i++], wave(x, t), 1e-12) << x << " " << t;
  EXPECT_EQ(i, m.fields[0].values.size());
}

bool any_note_has(const ReadMeasurements& data, const std::string& text) {
  for (const std::string& note : data.notes)
    if (note.find(text) != std::string::npos) return true;
  return false;
}

class ReadMeasurement : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  std::vector<double> x = points(12, -1, 0.25), t = points(7, 0, 0.5);

  std::filesystem::path npz(const std::map<std::string, Array>& arrays, const std::string& name = "a.npz") const {
    write_npz(folder.file(name), arrays);
    return folder.file(name);
  }
};

TEST_F(ReadMeasurement, FindsAxesByTheirLengthsAndSaysSo) {
  const auto data = read_measurements({npz({{"u", field(x, t)}, {"x", row(x)}, {"t", row(t)}})});
  expect_wave(data.measurements.at(0));
  EXPECT_TRUE(any_note_has(data, "u [12, 7]: x, 12 points from -1 to 1.75 in steps of 0.25; t, 7 points from 0 to 3"));
  EXPECT_TRUE(any_note_has(data, "found by their lengths"));
}

TEST_F(ReadMeasurement, TimeComesLastWhateverTheFile) {
  expect_wave(read_measurements({npz({{"u", field(x, t, true)}, {"x", row(x)}, {"t", row(t)}})}).measurements.at(0));
  const auto named =
      read_measurements({npz({{"u", field(x, t, true)}, {"x", row(x)}, {"t", row(t)}})}, {.axes = {"t", "x"}});
  expect_wave(named.measurements.at(0));
  EXPECT_FALSE(any_note_has(named, "found"));
}

TEST_F(ReadMeasurement, SquareFieldsNeedNamedAxes) {
  const std::vector<double> same = points(12, 0, 0.1);
  const auto path = npz({{"u", field(x, same)}, {"x", row(x)}, {"t", row(same)}});
  expect_input_error([&] { read_measurements({path}); }, {"a.npz", "u [12, 12]", "not clear", "t, x", "--axes x,t"});
  expect_wave(read_measurements({path}, {.axes = {"x", "t"}}).measurements.at(0));
  // Space of equal lengths: all the words that are missing.
  const auto plane = npz({{"u", array_of<double>({12, 12, 7}, std::vector<double>(12 * 12 * 7, 1))},
                          {"x", row(x)},
                          {"y", row(same)},
                          {"t", row(t)}});
  expect_input_error([&] { read_measurements({plane}); }, {"u [12, 12, 7]", "12 points have x, y", "--axes x,y,t"});
  const auto bare = npz({{"u", array_of<double>({12, 12, 7}, std::vector<double>(12 * 12 * 7, 1))}});
  expect_input_error([&] { read_measurements({bare}); }, {"--axes x=0:0.1,y=0:0.1,t=0:0.01"});
}

TEST_F(ReadMeasurement, AxesInAnotherOrderAreNamedBack) {
  const auto path = npz({{"u", field(x, t, true)}, {"x", row(x)}, {"t", row(t)}});
  expect_input_error(
      [&] {
        read_measurements({path}, {.axes = {"x", "t"}});
      },
      {"u [7, 12]", "x has 12 points", "another order: --axes t,x"});
  const auto short_x = npz({{"u", field(x, t)}, {"x", row(points(11, 0, 1))}, {"t", row(t)}});
  expect_input_error([&] { read_measurements({short_x}, {.axes = {"x", "t"}}); }, {"x has 11 points", "u [12, 7]"});
  expect_input_error([&] { read_measurements({short_x}); }, {"12 points along dimension 1", "--axes x=0:0.1,t=0:0.01"});
  expect_input_error([&] { read_measurements({path}, {.axes = {"x"}}); }, {"2 dimensions", "names 1"});
}

TEST_F(ReadMeasurement, NamesThatAreNotThere) {
  const auto path = npz({{"usol", field(x, t)}, {"x", row(x)}, {"t", row(t)}});
  expect_input_error([&] { read_measurements({path}, {.fields = {"uso"}}); },
                     {"a.npz", "'uso'", "did you mean 'usol'?"});
  expect_input_error([&] { read_measurements({path}, {.axes = {"x", "time"}}); }, {"'time'", "it holds t, usol, x"});
  expect_input_error(
      [&] {
        read_measurements({path}, {.fields = {"usol"}, .axes = {"x", "usol"}});
      },
      {"usol", "no row of points"});
  expect_input_error([&] { read_measurements({path}, {.time = "y"}); }, {"no axis 'y'", "x, t"});
}

TEST_F(ReadMeasurement, TimeMustBeKnown) {
  const auto path = npz({{"u", field(x, t)}, {"x", row(x)}, {"s", row(t)}});
  expect_input_error([&] { read_measurements({path}); }, {"which of the axes x, s is time", "--time NAME"});
  EXPECT_EQ(read_measurements({path}, {.time = "s"}).measurements.at(0).axes[1].name, "s");
}

TEST_F(ReadMeasurement, OwnNamesAndEvenPoints) {
  const auto path = npz({{"usol", field(x, t)}, {"tt", row(t)}});
  const auto data = read_measurements({path}, {.fields = {"u=usol"}, .axes = {"x=-1:0.25", "tt"}});
  expect_wave(data.measurements.at(0));  // tt is written t: u_tt would read as a second derivative
  EXPECT_EQ(data.measurements[0].fields[0].name, "u");
  write_npy(folder.file("bare.npy"), field(x, t));
  expect_wave(read_measurements({folder.file("bare.npy")}, {.axes = {"x=-1:0.25", "t=0:0.5"}}).measurements.at(0));
  expect_input_error([&] { read_measurements({path}, {.axes = {"x=-1:-1", "tt"}}); }, {"x", "START:STEP"});
}

TEST_F(ReadMeasurement, FallingAxesAreTurned) {
  std::vector<double> falling(x.rbegin(), x.rend());
  const auto data = read_measurements({npz({{"u", field(falling, t)}, {"x", row(falling)}, {"t", row(t)}})});
  expect_wave(data.measurements.at(0));
  EXPECT_TRUE(any_note_has(data, "x falls"));
  std::vector<double> mixed = x;
  std::swap(mixed[3], mixed[4]);
  expect_input_error(
      [&] {
        read_measurements({npz({{"u", field(mixed, t)}, {"x", row(mixed)}, {"t", row(t)}})});
      },
      {"axis x does not increase"});
}

TEST_F(ReadMeasurement, ComplexFields) {
  std::vector<std::complex<double>> real, full;
  for (double place : x)
    for (double time : t) {
      real.emplace_back(wave(place, time), 1e-17);
      full.emplace_back(wave(place, time), place * time);
    }
  const auto rounding = read_measurements({npz({{"u", array_of({12, 7}, real)}, {"x", row(x)}, {"t", row(t)}})});
  EXPECT_FALSE(rounding.measurements.at(0).fields[0].is_complex());
  EXPECT_TRUE(any_note_has(rounding, "read as real"));
  const auto data = read_measurements({npz({{"u", array_of({12, 7}, full)}, {"x", row(x)}, {"t", row(t)}})});
  expect_wave(data.measurements.at(0));
  EXPECT_DOUBLE_EQ(data.measurements[0].fields[0].imaginary[7 * 3 + 2], x[3] * t[2]);
}

TEST_F(ReadMeasurement, HolesNeedAMask) {
  Array holed = field(x, t);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i : {10u, 40u}) std::memcpy(holed.bytes.data() + 8 * i, &nan, 8);
  const auto path = npz({{"u", holed}, {"x", row(x)}, {"t", row(t)}});
  expect_input_error([&] { read_measurements({path}); },
                     {"2 of the 84 values of u", "x = -0.75, t = 1.5", "--mask nan"});
  const auto data = read_measurements({path}, {.mask = "nan"});
  EXPECT_EQ(std::count(data.measurements.at(0).mask.begin(), data.measurements[0].mask.end(), 0), 2);
  EXPECT_TRUE(any_note_has(data, "2 of 84 points"));
}

TEST_F(ReadMeasurement, AMaskOverTheGridOrOverSpace) {
  std::vector<std::uint8_t> over_space(12, 1), over_all(84, 1);
  over_space[4] = 0;
  for (std::size_t j = 0; j < 7; ++j) over_all[4 * 7 + j] = 0;
  for (const Array& mask : {array_of<std::uint8_t>({12}, over_space), array_of<std::uint8_t>({12, 7}, over_all)}) {
    const auto m = read_measurements({npz({{"u", field(x, t)}, {"x", row(x)}, {"t", row(t)}, {"inside", mask}})},
                                     {.axes = {"x", "t"}, .mask = "inside"})
                       .measurements.at(0);
    for (std::size_t i = 0; i < 84; ++i) EXPECT_EQ(m.mask[i], i / 7 == 4 ? 0 : 1);
  }
  const auto time_first = npz(
      {{"u", field(x, t, true)}, {"x", row(x)}, {"t", row(t)}, {"inside", array_of<std::uint8_t>({12}, over_space)}});
  const auto m = read_measurements({time_first}, {.axes = {"t", "x"}, .mask = "inside"}).measurements.at(0);
  for (std::size_t i = 0; i < 84; ++i) EXPECT_EQ(m.mask[i], i / 7 == 4 ? 0 : 1);
  const auto wrong =
      npz({{"u", field(x, t)}, {"x", row(x)}, {"t", row(t)}, {"inside", array_of<std::uint8_t>({5}, {1, 1, 1, 1, 1})}});
  expect_input_error(
      [&] {
        read_measurements({wrong}, {.axes = {"x", "t"}, .mask = "inside"});
      },
      {"inside", "neither the [12, 7]"});
  for (const double outside : {0.0, double{NAN}}) {
    const auto empty = npz({{"u", field(x, t)},
                            {"x", row(x)},
                            {"t", row(t)},
                            {"inside", array_of<double>({12}, std::vector<double>(12, outside))}});
    expect_input_error(
        [&] {
          read_measurements({empty}, {.axes = {"x", "t"}, .mask = "inside"});
        },
        {"the mask inside leaves nothing measured"});
  }
}

TEST_F(ReadMeasurement, AGivenFieldRepeatsAlongTime) {
  const auto m =
      read_measurements({npz({{"u", field(x, t)}, {"x", row(x)}, {"t", row(t)}, {"V", row(points(12, 5, 1))}})},
                        {.axes = {"x", "t"}, .given = {"V"}})
          .measurements.at(0);
  ASSERT_EQ(m.fields.size(), 2u);
  EXPECT_TRUE(m.fields[1].given);
  EXPECT_EQ(m.fields[1].values[3 * 7 + 5], 8);
}

TEST_F(ReadMeasurement, ExperimentsStackedOrInSeveralFiles) {
  std::vector<double> twice;
  for (double factor : {1.0, 2.0})
    for (double place : x)
      for (double time : t) twice.push_back(factor * wave(place, time));
  const auto stacked = npz({{"u", array_of<double>({2, 12, 7}, twice)}, {"x", row(x)}, {"t", row(t)}}, "s.npz");
  const auto data = read_measurements({stacked}, {.axes = {"each", "x", "t"}});
  ASSERT_EQ(data.measurements.size(), 2u);
  expect_wave(data.measurements[0]);
  EXPECT_DOUBLE_EQ(data.measurements[1].fields[0].values[8], 2 * data.measurements[0].fields[0].values[8]);
  const auto one = npz({{"u", field(x, t)}, {"x", row(x)}, {"t", row(t)}});
  const auto other = npz({{"v", field(x, t)}, {"x", row(x)}, {"t", row(t)}}, "b.npz");
  EXPECT_EQ(read_measurements(Files{one, one}).measurements.size(), 2u);
  expect_input_error([&] { read_measurements(Files{one, other}); }, {"a.npz", "u over x, t", "b.npz", "v over x, t"});
}

TEST_F(ReadMeasurement, SeveralFieldsAndComponents) {
  const auto path = npz({{"u", field(x, t)}, {"v", field(x, t)}, {"x", row(x)}, {"t", row(t)}});
  expect_input_error([&] { read_measurements({path}); }, {"u, v", "--field u,v"});
  EXPECT_EQ(read_measurements({path}, {.fields = {"v", "u"}}).measurements[0].fields[0].name, "v");
  std::vector<double> states;
  for (double time : t)
    for (int k = 1; k <= 3; ++k) states.push_back(k * time);
  const auto lorenz = npz({{"y", array_of<double>({7, 3}, states)}, {"t", row(t)}}, "l.npz");
  const auto m = read_measurements({lorenz}, {.axes = {"t", "component"}}).measurements.at(0);
  ASSERT_EQ(m.fields.size(), 3u);
  EXPECT_EQ(m.fields[2].name, "y3");
  EXPECT_EQ(m.fields[2].values[4], 3 * t[4]);
  EXPECT_EQ(m.axes.size(), 1u);
}

TEST_F(ReadMeasurement, Trajectories) {
  const auto m = read_measurements({npz({{"p", row(points(7, 1, 1))}, {"q", row(points(7, 2, 1))}, {"t", row(t)}})})
                     .measurements.at(0);
  ASSERT_EQ(m.fields.size(), 2u);
  EXPECT_EQ(m.fields[1].name, "q");
  EXPECT_EQ(m.fields[1].values[6], 8);
}

TEST_F(ReadMeasurement, TablesOfTrajectories) {
  folder.write("a.csv", "t,p,q\n0,1,2\n0.5,2,3\n1,3,4\n");
  const auto m = read_measurements({folder.file("a.csv")}).measurements.at(0);
  EXPECT_EQ(m.axes[0].points, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(m.fields.at(1).values, (std::vector<double>{2, 3, 4}));
  folder.write("bare.csv", "0 1 2\n0.5 2 3\n1 3 4\n");
  expect_input_error([&] { read_measurements({folder.file("bare.csv")}); }, {"no line of names", "--axes t=1"});
  EXPECT_EQ(read_measurements({folder.file("bare.csv")}, {.fields = {"p=2"}, .axes = {"t=1"}})
                .measurements[0]
                .fields[0]
                .values[2],
            3);
}

TEST_F(ReadMeasurement, TablesOfSeveralExperiments) {
  folder.write("runs.csv", "run,t,p\n1,0,1\n1,1,2\n2,0,5\n2,1,6\n2,2,7\n");
  const Files file = {folder.file("runs.csv")};
  expect_input_error([&] { read_measurements(file, {.fields = {"p"}}); }, {"line 4", "line 2", "--axes each=COLUMN,t"});
  const auto data = read_measurements(file, {.axes = {"each=run", "t"}});
  ASSERT_EQ(data.measurements.size(), 2u);
  EXPECT_EQ(data.measurements[1].fields[0].values, (std::vector<double>{5, 6, 7}));
}

TEST_F(ReadMeasurement, TablesOfAGrid) {
  std::string text = "t,x,u\n";
  for (double time : t)
    for (double place : x)
      text += std::to_string(time) + "," + std::to_string(place) + "," + std::to_string(place * time) + "\n";
  folder.write("grid.csv", text);
  const auto m = read_measurements({folder.file("grid.csv")}, {.axes = {"t", "x"}}).measurements.at(0);
  EXPECT_EQ(m.axes[0].name, "x");
  EXPECT_EQ(m.axes[1].name, "t");
  EXPECT_NEAR(m.fields[0].values[3 * 7 + 4], x[3] * t[4], 1e-6);
  folder.write("word.csv", "t,u\n0,1\n1,many\n2,3\n");
  expect_input_error([&] { read_measurements({folder.file("word.csv")}); }, {"line 3", "'many'"});
}

TEST_F(ReadMeasurement, Hdf5NamesItsAxesItself) {
  testing::write_sample_hdf5(folder.file("sample.h5"));
  const auto data = read_measurements({folder.file("sample.h5")}, {.fields = {"u"}});
  EXPECT_TRUE(any_note_has(data, "those that the file names"));
  EXPECT_EQ(data.measurements.at(0).axes[0].name, "x");
  EXPECT_EQ(data.measurements[0].fields[0].values[7 * 30 + 4], testing::sample_value(7, 4));
  const auto inner = read_measurements({folder.file("sample.h5")}, {.fields = {"fields/z"}, .axes = {"x", "t"}});
  EXPECT_EQ(inner.measurements.at(0).fields[0].name, "z");
  EXPECT_TRUE(inner.measurements[0].fields[0].is_complex());
}

TEST_F(ReadMeasurement, MatlabOfAllVersions) {
  for (const auto how : {testing::MatKind::plain, testing::MatKind::compressed, testing::MatKind::hdf5}) {
    testing::write_sample_mat(folder.file("sample.mat"), how);
    const auto m = read_measurements({folder.file("sample.mat")}, {.fields = {"v=run.u"}, .axes = {"x=0:1", "t=0:1"}})
                       .measurements.at(0);
    EXPECT_EQ(m.fields[0].name, "v");
    EXPECT_EQ(m.fields[0].values[7 * 30 + 4], testing::sample_value(7, 4));
  }
}

TEST_F(ReadMeasurement, NoFileNoNumbers) {
  expect_input_error([&] { read_measurements({folder.file("absent.npz")}); }, {"absent.npz", "No such file"});
  folder.write("empty.csv", "");
  expect_input_error([&] { read_measurements({folder.file("empty.csv")}); }, {"empty.csv", "empty"});
  expect_input_error(
      [&] {
        read_measurements({npz({{"a", array_of<double>({1}, {1})}})});
      },
      {"a.npz", "--field", "a [1]"});
}

}  // namespace
}  // namespace turnpike
