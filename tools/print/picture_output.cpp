#include "tools/print/picture_output.h"

#include <system_error>

#include "runtime/error.h"
#include "tools/image/npy_writer.h"
#include "tools/image/png_reader.h"
#include "tools/print/deep_zoom_encoder.h"
#include "tools/print/png_encoder.h"
#include "tools/print/rows_encoder.h"
#include "tools/print/tiff_encoder.h"

namespace atelier::tools {
namespace {

std::unique_ptr<AtomicFile> open_file(const std::filesystem::path& path, bool force, bool resumable) {
  const AtomicFile::Existing existing = force ? AtomicFile::Existing::replace : AtomicFile::Existing::refuse;
  if (!resumable) return std::make_unique<AtomicFile>(path, existing);
  return std::unique_ptr<AtomicFile>(new AtomicFile(AtomicFile::resumable(path, existing)));
}

std::unique_ptr<PictureEncoder> make_encoder(AtomicFile& file, const PictureContents& contents) {
  switch (contents.kind) {
    case PrintFormat::png:
      return std::make_unique<PngEncoder>(file, contents.format,
                                          std::vector<PictureText>{{kRecipeKeyword, contents.recipe}});
    case PrintFormat::npy:
      return std::make_unique<RowsEncoder>(file, contents.format, npy_start(contents.format));
    case PrintFormat::raw:
      return std::make_unique<RowsEncoder>(file, contents.format, "");
    case PrintFormat::tiff:
      return std::make_unique<TiffEncoder>(file, contents.format,
                                           TiffOptions{contents.recipe, contents.pyramid});
    case PrintFormat::deep_zoom:
      break;  // not one file
  }
  throw InvalidArgument("no such picture file");
}

}  // namespace

PictureOutput::PictureOutput(const std::filesystem::path& path, const PictureContents& contents, bool force,
                             bool resumable, const std::optional<RenderState>& from)
    : path_(path), worth_keeping_(!resumable || from) {
  if (contents.kind == PrintFormat::deep_zoom) {
    encoder_ = std::make_unique<DeepZoomEncoder>(path, contents.format,
                                                 DeepZoomOptions{contents.recipe, force, resumable});
  } else {
    file_ = open_file(path, force, resumable);
    encoder_ = make_encoder(*file_, contents);
    if (!from && resumable) file_->cut(0);
  }
  if (from) encoder_->restore(from->encoder);
}

PictureOutput::~PictureOutput() {
  encoder_.reset();
  file_.reset();
  if (!worth_keeping_) remove_leftovers();
}

void PictureOutput::save(const std::string& identity, std::int64_t parts) {
  write_render_state(path_, {identity, parts, encoder_->state()});
  worth_keeping_ = true;
}

void PictureOutput::commit() {
  encoder_->commit();
  worth_keeping_ = true;
  remove_leftovers();
}

void PictureOutput::remove_leftovers() const {
  std::filesystem::path part = path_;
  part += ".part";
  std::error_code ignored;
  std::filesystem::remove_all(part, ignored);
  std::filesystem::remove(render_state_path(path_), ignored);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::optional<std::uint64_t> free_disk(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  // Some file systems (FUSE, network) do not tell.
  if (error || space.capacity == 0) return std::nullopt;
  return space.available;
}

}  // namespace atelier::tools
