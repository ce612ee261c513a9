#pragma once

#include <cstdint>
#include <vector>

#include "models/atomic_file.h"
#include "models/learner.h"

namespace atelier::tools {

/// Writes pictures of one size as an animated GIF (GIF89a through giflib; 256 greys, so every byte of a
/// picture is kept) that begins again for ever. Each stays for `delay` hundredths of a second, 1 to 65535;
/// viewers slow down what is faster than 2. The same pictures give the same file. Throws InvalidArgument: no
/// picture, different sizes, a side beyond 65535; Error when the file cannot be written.
void write_gif(AtomicFile& file, const std::vector<GrayPicture>& pictures, std::int64_t delay);

}  // namespace atelier::tools
