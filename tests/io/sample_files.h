// Small MAT and HDF5 files, made with the libraries that define the formats.
#pragma once

#include <hdf5.h>
#include <hdf5_hl.h>
#include <matio.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace turnpike::testing {

// The number that stands in row i and column j of every sample.
inline double sample_value(std::size_t i, std::size_t j) {
  return static_cast<double>(i) + 0.01 * static_cast<double>(j);
}

enum class MatKind { plain, compressed, hdf5 };

inline void put(mat_t* mat, const char* name, matio_classes kind, matio_types type, std::vector<std::size_t> dims,
                void* values, MatKind how, int flags = 0) {
  matvar_t* variable = Mat_VarCreate(name, kind, type, static_cast<int>(dims.size()), dims.data(), values, flags);
  if (!variable ||
      Mat_VarWrite(mat, variable, how == MatKind::plain ? MAT_COMPRESSION_NONE : MAT_COMPRESSION_ZLIB) != 0)
    throw std::runtime_error("matio cannot write the sample");
  Mat_VarFree(variable);
}

// u double [40, 30]; z complex, as u + i u; f single [40, 30]; cube int16 [2, 3, 4]; flag logical [1, 3]; note text;
// run struct with u.
inline void write_sample_mat(const std::filesystem::path& path, MatKind how) {
  mat_t* mat = Mat_CreateVer(path.c_str(), nullptr, how == MatKind::hdf5 ? MAT_FT_MAT73 : MAT_FT_MAT5);
  if (!mat) throw std::runtime_error("matio cannot create the sample");
  std::vector<double> u(40 * 30);
  std::vector<float> f(40 * 30);
  for (std::size_t j = 0; j < 30; ++j)
    for (std::size_t i = 0; i < 40; ++i) {
      u[j * 40 + i] = sample_value(i, j);
      f[j * 40 + i] = static_cast<float>(sample_value(i, j));
    }
  put(mat, "u", MAT_C_DOUBLE, MAT_T_DOUBLE, {40, 30}, u.data(), how);
  std::vector<double> minus(u);
  for (double& value : minus) value = -value;
  mat_complex_split_t parts{u.data(), minus.data()};
  put(mat, "z", MAT_C_DOUBLE, MAT_T_DOUBLE, {40, 30}, &parts, how, MAT_F_COMPLEX);
  put(mat, "f", MAT_C_SINGLE, MAT_T_SINGLE, {40, 30}, f.data(), how);
  std::vector<std::int16_t> cube(24);
  for (std::size_t n = 0; n < cube.size(); ++n) cube[n] = static_cast<std::int16_t>(n);
  put(mat, "cube", MAT_C_INT16, MAT_T_INT16, {2, 3, 4}, cube.data(), how);
  std::vector<std::uint8_t> flag = {1, 0, 1};
  put(mat, "flag", MAT_C_UINT8, MAT_T_UINT8, {1, 3}, flag.data(), how, MAT_F_LOGICAL);
  std::string note = "by hand";
  put(mat, "note", MAT_C_CHAR, MAT_T_UINT8, {1, note.size()}, note.data(), how);
  const char* fields[] = {"u"};
  std::size_t one[2] = {1, 1}, dims[2] = {40, 30};
  matvar_t* run = Mat_VarCreateStruct("run", 2, one, fields, 1);
  Mat_VarSetStructFieldByName(run, "u", 0, Mat_VarCreate("u", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, u.data(), 0));
  Mat_VarWrite(mat, run, how == MatKind::plain ? MAT_COMPRESSION_NONE : MAT_COMPRESSION_ZLIB);
  Mat_VarFree(run);
  Mat_Close(mat);
}

// u double [40, 30] in chunks, deflated, with dimension scales x and t; fields/z complex as h5py stores it; flag as
// h5py's bool; note text; half float16.
inline void write_sample_hdf5(const std::filesystem::path& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (file < 0) throw std::runtime_error("HDF5 cannot create the sample");
  const auto dataset = [&](const char* name, hid_t type, std::vector<hsize_t> dims, const void* values, bool packed) {
    const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    if (packed) {
      std::vector<hsize_t> chunk = dims;
      chunk[0] = 7;
      H5Pset_chunk(how, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_shuffle(how);
      H5Pset_deflate(how, 6);
      H5Pset_fletcher32(how);
    }
    const hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Pclose(how);
    H5Sclose(space);
    return id;
  };
  std::vector<double> u(40 * 30), x(40), t(30);
  std::vector<float> z;
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 30; ++j) {
      x[i] = static_cast<double>(i);
      t[j] = 0.5 * static_cast<double>(j);
      u[i * 30 + j] = sample_value(i, j);
      z.push_back(static_cast<float>(sample_value(i, j)));
      z.push_back(static_cast<float>(-sample_value(i, j)));
    }
  const hid_t u_id = dataset("u", H5T_NATIVE_DOUBLE, {40, 30}, u.data(), true);
  const hid_t x_id = dataset("x", H5T_NATIVE_DOUBLE, {40}, x.data(), false);
  const hid_t t_id = dataset("t", H5T_NATIVE_DOUBLE, {30}, t.data(), false);
  H5DSattach_scale(u_id, x_id, 0);
  H5DSattach_scale(u_id, t_id, 1);
  for (hid_t id : {u_id, x_id, t_id}) H5Dclose(id);
  H5Gclose(H5Gcreate2(file, "fields", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const hid_t complex = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(complex, "r", 0, H5T_NATIVE_FLOAT);
  H5Tinsert(complex, "i", 4, H5T_NATIVE_FLOAT);
  H5Dclose(dataset("fields/z", complex, {40, 30}, z.data(), false));
  H5Tclose(complex);
  const hid_t boolean = H5Tenum_create(H5T_NATIVE_INT8);
  const std::int8_t no = 0, yes = 1, flags[3] = {1, 0, 1};
  H5Tenum_insert(boolean, "FALSE", &no);
  H5Tenum_insert(boolean, "TRUE", &yes);
  H5Dclose(dataset("flag", boolean, {3}, flags, false));
  H5Tclose(boolean);
  H5LTmake_dataset_string(file, "note", "by hand");
  H5Fclose(file);
}

}  // namespace turnpike::testing
