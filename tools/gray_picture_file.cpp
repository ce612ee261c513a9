#include "tools/gray_picture_file.h"

#include "tools/image/picture_writer.h"

namespace atelier::tools {

void write_gray_picture(const RunOptions& options, const GrayPicture& picture) {
  const PictureFile kind = picture_file_of(options.output);
  const PictureFormat format{picture.width, picture.height, 1, CppnSample::u8};
  check_picture_format(kind, format);
  AtomicFile file = open_output(options);
  const auto writer = make_picture_writer(kind, file, format, {});
  writer->write_rows(reinterpret_cast<const std::byte*>(picture.pixels.data()), format.height);
  writer->finish();
  file.commit();
}

}  // namespace atelier::tools
