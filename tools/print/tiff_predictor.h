#pragma once

#include <cstdint>

#include "kernels/cppn.h"

namespace atelier::tools {

/// Replaces a row of samples by what packs better, as TIFF has it: 8 and 16 bits by the difference to the
/// same channel of the pixel on the left (TIFF 6.0, section 14; modulo 2^8 or 2^16, native byte order);
/// floats by their bytes, the most significant ones of all samples first, then each byte by its difference to
/// the one `channels` before it (Adobe Photoshop TIFF Technical Note 3).
void predict_tiff_row(CppnSample sample, int channels, std::int64_t width, unsigned char* row);

}  // namespace atelier::tools
