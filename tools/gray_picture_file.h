#pragma once

#include "models/learner.h"
#include "tools/run_options.h"

namespace atelier::tools {

/// Writes a grey picture to the file of --output: .png or .npy (rows x columns of bytes). Throws UsageError
/// for another kind of file or a picture too large for it, Error.
void write_gray_picture(const RunOptions& options, const GrayPicture& picture);

}  // namespace atelier::tools
