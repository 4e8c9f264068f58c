#include <turnpike/io/array.h>

#include <bit>
#include <cmath>

#include <fmt/format.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

static_assert(std::endian::native == std::endian::little, "Array's bytes are little endian, as the machine's");

// IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 of fraction.
double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude;
  if (exponent == 0x1f) {
    magnitude = fraction ? std::nan("") : HUGE_VAL;
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(fraction + 1024, exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

// bfloat16 is the upper half of a float.
double bfloat16_to_double(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

template <class T, class Out, class Convert>
void convert(const Array& array, std::vector<Out>& out, Convert element) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = element(value);
  }
}

template <class Out, class Convert>
void convert_any(const Array& array, std::vector<Out>& out, Convert element) {
  switch (array.dtype) {
    case DType::boolean: return convert<std::uint8_t>(array, out, [&](std::uint8_t v) { return element(v != 0); });
    case DType::u8: return convert<std::uint8_t>(array, out, element);
    case DType::u16: return convert<std::uint16_t>(array, out, element);
    case DType::u32: return convert<std::uint32_t>(array, out, element);
    case DType::u64: return convert<std::uint64_t>(array, out, element);
    case DType::i8: return convert<std::int8_t>(array, out, element);
    case DType::i16: return convert<std::int16_t>(array, out, element);
    case DType::i32: return convert<std::int32_t>(array, out, element);
    case DType::i64: return convert<std::int64_t>(array, out, element);
    case DType::f16:
      return convert<std::uint16_t>(array, out, [&](std::uint16_t v) { return element(half_to_double(v)); });
    case DType::bf16:
      return convert<std::uint16_t>(array, out, [&](std::uint16_t v) { return element(bfloat16_to_double(v)); });
    case DType::f32: return convert<float>(array, out, element);
    case DType::f64: return convert<double>(array, out, element);
    case DType::c64:
    case DType::c128: throw ContractError("complex numbers are no real ones: take to_complex");
  }
}

void check(const Array& array) {
  require(checked_bytes(array.shape, array.dtype) == static_cast<std::int64_t>(array.bytes.size()),
          fmt::format("an array of shape {} and type {} cannot hold {} bytes", shape_text(array.shape),
                      name_of(array.dtype), array.bytes.size()));
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
    case DType::i8: return 1;
    case DType::u16:
    case DType::i16:
    case DType::f16:
    case DType::bf16: return 2;
    case DType::u32:
    case DType::i32:
    case DType::f32: return 4;
    case DType::u64:
    case DType::i64:
    case DType::f64:
    case DType::c64: return 8;
    case DType::c128: return 16;
  }
  throw ContractError("unknown element type");
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "bool";
    case DType::u8: return "uint8";
    case DType::u16: return "uint16";
    case DType::u32: return "uint32";
    case DType::u64: return "uint64";
    case DType::i8: return "int8";
    case DType::i16: return "int16";
    case DType::i32: return "int32";
    case DType::i64: return "int64";
    case DType::f16: return "float16";
    case DType::bf16: return "bfloat16";
    case DType::f32: return "float32";
    case DType::f64: return "float64";
    case DType::c64: return "complex64";
    case DType::c128: return "complex128";
  }
  throw ContractError("unknown element type");
}

bool is_floating(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32 || dtype == DType::f64;
}

bool is_complex(DType dtype) {
  return dtype == DType::c64 || dtype == DType::c128;
}

std::int64_t Array::count() const {
  std::int64_t product = 1;
  for (std::int64_t n : shape) product *= n;
  return product;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::int64_t checked_bytes(std::span<const std::int64_t> shape, DType dtype) {
  // An empty array stays empty however large its other dimensions are, but each must be sane on its own.
  std::int64_t bytes = static_cast<std::int64_t>(size_of(dtype));
  bool empty = false;
  for (std::int64_t n : shape) {
    if (n < 0) return -1;
    if (n == 0) empty = true;
    if (n > 0 && __builtin_mul_overflow(bytes, n, &bytes)) return -1;
  }
  return empty ? 0 : bytes;
}

std::vector<double> to_doubles(const Array& array) {
  check(array);
  std::vector<double> out(static_cast<std::size_t>(array.count()));
  convert_any(array, out, [](auto value) { return static_cast<double>(value); });
  return out;
}

std::vector<std::complex<double>> to_complex(const Array& array) {
  check(array);
  std::vector<std::complex<double>> out(static_cast<std::size_t>(array.count()));
  if (array.dtype == DType::c64)
    convert<std::complex<float>>(array, out, [](std::complex<float> z) { return std::complex<double>(z); });
  else if (array.dtype == DType::c128)
    convert<std::complex<double>>(array, out, [](std::complex<double> z) { return z; });
  else
    convert_any(array, out, [](auto value) { return std::complex<double>(static_cast<double>(value)); });
  return out;
}

std::vector<std::int64_t> to_integers(const Array& array, const std::string& source) {
  check(array);
  std::vector<std::int64_t> out(static_cast<std::size_t>(array.count()));
  convert_any(array, out, [&](auto value) -> std::int64_t {
    using T = decltype(value);
    if constexpr (std::is_floating_point_v<T>) {
      // Written so that NaN fails too.
      if (!(std::abs(value) < 0x1p63 && std::trunc(value) == value)) {
        throw InputError(fmt::format("{} holds {} where whole numbers are expected", source, value));
      }
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (value > static_cast<std::uint64_t>(INT64_MAX)) {
        throw InputError(fmt::format("{} holds {}, which does not fit a 64-bit signed integer", source, value));
      }
    }
    return static_cast<std::int64_t>(value);
  });
  return out;
}

Array array_of_bytes(std::vector<std::int64_t> shape, DType dtype, const void* values, std::size_t n_bytes) {
  Array array{std::move(shape), dtype, {}};
  require(checked_bytes(array.shape, dtype) == static_cast<std::int64_t>(n_bytes),
          fmt::format("{} bytes given for an array of shape {} and type {}", n_bytes, shape_text(array.shape),
                      name_of(dtype)));
  const auto* first = static_cast<const std::byte*>(values);
  array.bytes.assign(first, first + n_bytes);
  return array;
}

}  // namespace turnpike
