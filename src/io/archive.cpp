#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include <turnpike/base/error.h>

#include "archive_internal.h"

namespace turnpike {
namespace {

constexpr std::uint64_t most_reserved = std::uint64_t{1} << 30;  // on a header's word alone

struct CloseReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct CloseWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using ArchiveReader = std::unique_ptr<archive, CloseReader>;
using ArchiveWriter = std::unique_ptr<archive, CloseWriter>;

[[noreturn]] void refuse(archive* a, const std::string& source) {
  const char* reason = archive_error_string(a);
  throw InputError(fmt::format("{} cannot be unpacked: {}", source, reason ? reason : "the archive is damaged"));
}

void open(archive* a, std::string_view bytes, const std::string& source) {
  if (archive_read_open_memory(a, bytes.data(), bytes.size()) != ARCHIVE_OK) refuse(a, source);
}

// The first `n` bytes of the entry at hand, or all there are.
std::string read_entry(archive* a, const std::string& source, std::uint64_t n, std::uint64_t max_bytes,
                       std::uint64_t expected = 0) {
  std::string content;
  // Growing by doubling would leave as much memory behind again.
  content.reserve(std::min({n, max_bytes, expected, most_reserved}));
  std::array<char, 1 << 16> buffer;
  while (content.size() < n) {
    const auto taken = archive_read_data(a, buffer.data(), std::min<std::uint64_t>(buffer.size(), n - content.size()));
    if (taken < 0) refuse(a, source);
    if (taken == 0) return content;
    if (content.size() + static_cast<std::uint64_t>(taken) > max_bytes) {
      throw InputError(
          fmt::format("{} unpacks to more than {} bytes; unpack it first if that is meant", source, max_bytes));
    }
    content.append(buffer.data(), static_cast<std::size_t>(taken));
  }
  return content;
}

// CRC-32 as gzip has it (RFC 1952, section 8): polynomial edb88320, reflected. Eight tables take eight bytes a turn.
std::uint32_t crc32(std::string_view bytes) {
  static const auto tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
      t[0][i] = c;
    }
    for (std::size_t k = 1; k < 8; ++k) {
      for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[0][t[k - 1][i] & 0xff] ^ (t[k - 1][i] >> 8);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint32_t low, high;
    std::memcpy(&low, bytes.data() + i, 4);
    std::memcpy(&high, bytes.data() + i + 4, 4);
    low ^= crc;
    crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^ tables[4][low >> 24] ^
          tables[3][high & 0xff] ^ tables[2][(high >> 8) & 0xff] ^ tables[1][(high >> 16) & 0xff] ^
          tables[0][high >> 24];
  }
  for (; i < bytes.size(); ++i) crc = tables[0][(crc ^ static_cast<unsigned char>(bytes[i])) & 0xff] ^ (crc >> 8);
  return ~crc;
}

la_ssize_t append(archive*, void* out, const void* data, std::size_t n) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), n);
  return static_cast<la_ssize_t>(n);
}

ArchiveReader zip_reader() {
  ArchiveReader reader(archive_read_new());
  archive_read_support_format_zip(reader.get());
  return reader;
}

void visit_entries(archive* a, const std::string& source, std::uint64_t max_bytes, const ZipVisitor& entry) {
  std::uint64_t total = 0;
  for (;;) {
    archive_entry* header = nullptr;
    const int result = archive_read_next_header(a, &header);
    if (result == ARCHIVE_EOF) return;
    if (result != ARCHIVE_OK) refuse(a, source);
    const char* name = archive_entry_pathname(header);
    if (!name) throw InputError(source + " holds an entry without a name");
    entry(name, [&](std::uint64_t n) {
      const la_int64_t size = archive_entry_size_is_set(header) ? archive_entry_size(header) : 0;
      std::string content =
          read_entry(a, source, n, max_bytes - total, static_cast<std::uint64_t>(std::max<la_int64_t>(size, 0)));
      total += content.size();
      return content;
    });
  }
}

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

std::string gunzip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes) {
  ArchiveReader reader(archive_read_new());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_raw(reader.get());
  open(reader.get(), bytes, source);
  archive_entry* entry = nullptr;
  if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) refuse(reader.get(), source);
  std::string content = read_entry(reader.get(), source, UINT64_MAX, max_bytes);
  // libarchive does not verify the trailer: CRC-32 and length of the content, little endian.
  std::uint32_t crc = 0, length = 0;
  if (bytes.size() >= 8) {
    std::memcpy(&crc, bytes.data() + bytes.size() - 8, 4);
    std::memcpy(&length, bytes.data() + bytes.size() - 4, 4);
  }
  if (length != static_cast<std::uint32_t>(content.size()) || crc != crc32(content)) {
    throw InputError(source +
                     " is damaged: its gzip checksum does not match (or it holds several gzip members: unpack it)");
  }
  return content;
}

void read_zip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes, const ZipVisitor& entry) {
  const ArchiveReader reader = zip_reader();
  open(reader.get(), bytes, source);
  visit_entries(reader.get(), source, max_bytes, entry);
}

void read_zip_file(const std::filesystem::path& path, std::uint64_t max_bytes, const ZipVisitor& entry) {
  const ArchiveReader reader = zip_reader();
  if (archive_read_open_filename(reader.get(), path.c_str(), 1 << 18) != ARCHIVE_OK)
    refuse(reader.get(), path.string());
  visit_entries(reader.get(), path.string(), max_bytes, entry);
}

std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  ArchiveWriter writer(archive_write_new());
  const auto check = [&](int result) {
    if (result != ARCHIVE_OK) throw Error(std::string("the zip cannot be made: ") + archive_error_string(writer.get()));
  };
  check(archive_write_set_format_zip(writer.get()));
  check(archive_write_zip_set_compression_deflate(writer.get()));
  check(archive_write_set_bytes_in_last_block(writer.get(), 1));
  check(archive_write_open(writer.get(), &out, nullptr, append, nullptr));
  for (const auto& [name, content] : entries) {
    // No time is set: libarchive then writes the earliest date that a zip can hold, whatever the time zone.
    std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    check(archive_write_header(writer.get(), entry.get()));
    std::size_t done = 0;
    while (done < content.size()) {
      const auto n = archive_write_data(writer.get(), content.data() + done, content.size() - done);
      if (n <= 0) check(ARCHIVE_FATAL);
      done += static_cast<std::size_t>(n);
    }
    check(archive_write_finish_entry(writer.get()));
  }
  check(archive_write_close(writer.get()));
  return out;
}

}  // namespace turnpike
