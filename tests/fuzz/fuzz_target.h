#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// What every fuzz target defines. The first is libFuzzer's entry: it may only return 0; anything but the
/// parser's own InvalidArgument leaves it as an exception and is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Inputs to start from, good ones and nearly good ones.
std::vector<std::string> fuzz_seeds();
