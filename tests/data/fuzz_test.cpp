// Hostile tables through the whole reader: it succeeds or throws InputError that names the file, whatever the bytes.
#include <random>

#include <gtest/gtest.h>

#include <turnpike/data/read.h>

#include <io/expect.h>

namespace turnpike {
namespace {

TEST(Fuzz, TablesAndTheirUse) {
  const testing::TemporaryFolder folder;
  const std::string sound = "a,colour,c,y\n1,red,?,x\n2.5,blue,3,y\n-1e3,red,4,x\n4,,5,y\n7,red,6,x\n8,blue,1,y\n";
  const DataSchema schema = read_dataset(folder.write("fuzz", sound)).data.schema;
  std::mt19937 random(20240602);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  int n_read = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = sound;
    if (round % 3 == 0) bytes.resize(below(bytes.size()));
    for (std::size_t k = 0; k < 3 && !bytes.empty(); ++k) {
      const std::size_t at = below(bytes.size());
      bytes.replace(at, below(2), std::string(1, "0,\n\"?e-x.9"[below(10)]));
    }
    const auto path = folder.write("fuzz", bytes);
    try {
      if (round % 2) {
        read_dataset(path);
      } else {
        read_with_schema(path, schema, Labels::optional);
      }
      ++n_read;
    } catch (const InputError&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << bytes;
    }
  }
  EXPECT_GT(n_read, 50);
}

}  // namespace
}  // namespace turnpike
