#include <turnpike/io/safetensors.h>

#include "expect.h"

namespace turnpike {
namespace {

using testing::expect_input_error;
using testing::TemporaryFolder;

std::string file_of(const std::string& header, const std::string& data) {
  std::string length(8, '\0');
  const std::uint64_t n = header.size();
  std::memcpy(length.data(), &n, 8);
  return length + header + data;
}

Safetensors example() {
  return {{{"schema", "1"}, {"note", "quotes \" and \xc3\xa9"}},
          {{"b", array_of<float>({2, 1}, {1.5f, -2})},
           {"a", array_of<std::uint8_t>({3}, {1, 2, 3})},
           {"c", array_of<double>({}, {0.1})},
           {"empty", array_of<double>({0, 4}, {})}}};
}

TEST(Safetensors, RoundTrips) {
  const TemporaryFolder folder;
  write_safetensors(folder.file("m.safetensors"), example());
  const Safetensors back = read_safetensors(folder.file("m.safetensors"));
  EXPECT_EQ(back.metadata, example().metadata);
  ASSERT_EQ(back.tensors.size(), 4u);
  for (const auto& [name, array] : example().tensors) {
    EXPECT_EQ(back.tensors.at(name).shape, array.shape) << name;
    EXPECT_EQ(back.tensors.at(name).dtype, array.dtype) << name;
    EXPECT_EQ(back.tensors.at(name).bytes, array.bytes) << name;
  }
}

// The whole file, byte for byte: wide elements first, then by name, the header padded with blanks to a multiple of 8.
TEST(Safetensors, IsBitExact) {
  const std::string header =
      R"({"__metadata__":{"k":"v"},"c":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},"a":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  const double c = 0.1;
  const float b[2] = {1.5f, -2};
  std::string data(reinterpret_cast<const char*>(&c), 8);
  data.append(reinterpret_cast<const char*>(b), 8);
  data += "\1\2\3";
  Safetensors content = example();
  content.metadata = {{"k", "v"}};
  content.tensors.erase("empty");
  EXPECT_EQ(safetensors_bytes(content), file_of(padded, data));
}

TEST(Safetensors, ReadsAFileWithoutMetadataInAnyOrder) {
  const Safetensors read = parse_safetensors(
      file_of(
          R"({"y":{"data_offsets":[4,6],"shape":[2],"dtype":"U8"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          std::string("\0\0\x80\x3f\5\6", 6)),
      "m");
  EXPECT_EQ(to_doubles(read.tensors.at("x")), (std::vector<double>{1}));
  EXPECT_EQ(to_doubles(read.tensors.at("y")), (std::vector<double>{5, 6}));
}

TEST(Safetensors, RefusesInOneSentence) {
  const auto refuses = [](const std::string& header, const std::string& data, std::vector<std::string> parts) {
    parts.push_back("m.st");
    expect_input_error([&] { parse_safetensors(file_of(header, data), "m.st"); }, parts);
  };
  const std::string four(4, '\0');
  refuses(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "\1", {"'a'", "do not lie in its 1 bytes"});
  refuses(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", four, {"do not lie"});
  refuses(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", four, {"do not lie"});
  refuses(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", four, {"shape [2]", "cannot have 4 bytes"});
  refuses(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}})", four, {"cannot have"});
  refuses(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", four, {"cannot have"});
  refuses(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", four, {"wrong value in tensor 'a'"});
  refuses(R"({"a":{"dtype":"Q32","shape":[1],"data_offsets":[0,4]}})", four, {"unknown type 'Q32'"});
  refuses(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})",
      four, {"'b' overlaps"});
  refuses(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
      four, {"gap before"});
  refuses(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", four, {"1 bytes follow the last"});
  refuses(
      R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
      "", {"'a' stands twice"});
  refuses(R"({"a":{"dtype":"U8","shape":[0]}})", "", {"'a' lacks"});
  refuses(R"({"a":{"dtype":"U8","dtype":"U8"}})", "", {"dtype twice"});
  refuses(R"({"a":{"kind":"U8"}})", "", {"unknown key 'kind'"});
  refuses(R"({"__metadata__":{"k":1}})", "", {"'k' is no string"});
  refuses(R"({"__metadata__":{"k":"1","k":"2"}})", "", {"'k' stands twice"});
  refuses("[1]", "", {"does not begin with {"});
  refuses("{\"a\":", "", {"broken JSON at byte"});
  refuses("{" + std::string(100000, '['), "", {"m.st"});
  expect_input_error([] { parse_safetensors("abc", "m.st"); }, {"m.st", "shorter than 8"});
  expect_input_error([] { parse_safetensors(std::string(8, '\x7f'), "m.st"); }, {"m.st", "at most 100000000"});
  expect_input_error([] { parse_safetensors(std::string("\x20\0\0\0\0\0\0\0{}", 10), "m.st"); }, {"m.st", "cut short"});
}

TEST(Safetensors, RefusesToWriteNonsense) {
  EXPECT_THROW(safetensors_bytes({{}, {{"__metadata__", array_of<float>({1}, {1})}}}), ContractError);
  EXPECT_THROW(safetensors_bytes({{{"k", "\xff"}}, {}}), ContractError);
  EXPECT_THROW(safetensors_bytes({{}, {{"a", {{2}, DType::f32, {}}}}}), ContractError);
}

}  // namespace
}  // namespace turnpike
