// Between the plain arrays of io and tensors. Bit for bit; unsigned 16, 32 and 64 bits, which libtorch lacks, become
// int64.
#pragma once

#include <string>

#include <turnpike/core/tensor.h>
#include <turnpike/io/array.h>

namespace turnpike {

Tensor tensor_of(Array array);         // takes the bytes over without a copy; InputError for u64 beyond 2^63
Array array_of(const Tensor& tensor);  // ContractError for complex and quantised types

}  // namespace turnpike
