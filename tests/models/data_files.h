#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "runtime/error.h"
#include "tests/models/idx_pieces.h"

// Files of data sets and the messages of those who cannot read them.
namespace atelier::testing {

inline void write_file(const std::filesystem::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

/// The message of the Error that `call` throws; it must be one line.
inline std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 2000U);
    return message;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

#define EXPECT_MESSAGE(call, part)                                                               \
  EXPECT_NE(::atelier::testing::message_of([&] { (void)(call); }).find(part), std::string::npos) \
      << ::atelier::testing::message_of([&] { (void)(call); })

}  // namespace atelier::testing
