#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/data_set.h"
#include "runtime/stream.h"

namespace atelier {

/// A judged picture beside the real ones that it is nearest to. Distances are Euclidean, of pixels from 0 to
/// 1.
struct Neighbour {
  std::int64_t picture = 0;   // its number among those judged
  std::int64_t in_train = 0;  // the number of its nearest in the training set
  std::int64_t in_test = 0;   // and in the test set
  double train_distance = 0;
  double test_distance = 0;
  /// train_distance / test_distance; 1 where both are 0.
  [[nodiscard]] double ratio() const;
};

/// What the judge says of a set of pictures. Distances of features are comparable between judges of one hash
/// alone.
struct Judgement {
  std::int64_t count = 0;
  double frechet_to_train = 0;  // MNIST-FD: the Frechet distance of features to those of the training set
  double frechet_to_test = 0;
  std::vector<double> label_share;  // by the extractor's classes, adds up to 1
  std::int64_t modes = 0;           // classes with at least 1 %
  double entropy = 0;               // of label_share, natural logarithm
  double divergence = 0;            // KL(label_share || the training set's), natural logarithm
  double mean_confidence = 0;       // of the largest softmax
  double confident_share = 0;       // with confidence >= 0.9
  double precision = 0;             // k = 3; at most 10,000 pictures beside 10,000 of the training set
  double recall = 0;
  double memorisation = 0;  // median ratio() of neighbours; far below the floor's: copies of the training
                            // set, far above it: of the test set
  std::vector<Neighbour> neighbours;  // of at most 1,000 of the pictures, evenly spread, in their order
};

/// The judge: an extractor trained by ourselves on the real training set, and the statistics of real data
/// beside which everything is seen.
class Judge {
 public:
  /// What the real data give under the same measures: the test set as if it were generated.
  struct Floor {
    double accuracy = 0;  // the extractor's on the test set
    double frechet = 0;   // test against train
    double precision = 0;
    double recall = 0;
    double memorisation = 0;  // a test picture's own copy in the test set left out
    double mean_confidence = 0;
    double confident_share = 0;
    double entropy = 0;
    double divergence = 0;
    std::int64_t modes = 0;
    std::vector<double> label_share;
  };
  /// Takes the extractor from `cache` (a folder; empty: atelier in the user's cache folder) where one with
  /// the right recipe, data fingerprints and checksum lies, else trains it (`progress`: share done, 0…1; may
  /// be empty) and keeps it there. Whichever device trained it, all judge with the same then. Throws
  /// InvalidArgument for data without labels, of one class, of fewer than 4 pictures or of different sizes;
  /// Error when `cache` is not writable (before the training).
  static Judge open(Stream& stream, const DataSet& train, const DataSet& test,
                    const std::filesystem::path& cache = {},
                    const std::function<void(double)>& progress = {});

  /// True where the extractor of these data lies in `cache` already, as open() would take it.
  [[nodiscard]] static bool kept(const DataSet& train, const DataSet& test,
                                 const std::filesystem::path& cache = {});

  /// 16 hex digits of the extractor's parameters: numbers of different extractors cannot be compared.
  [[nodiscard]] const std::string& hash() const;
  [[nodiscard]] const Floor& floor() const;
  /// The data that it was opened with.
  [[nodiscard]] const DataSet& train() const;
  [[nodiscard]] const DataSet& test() const;
  /// Every measure, of pictures of the training set's size; at least 2, some thousands are due. `stream` is
  /// of the device that the judge was opened on. Waits. Deterministic, on cpu for any number of threads.
  /// Throws InvalidArgument.
  [[nodiscard]] Judgement judge(Stream& stream, const DataSet& pictures);
  /// What a training loop can afford: no precision, recall and memorisation, which are NaN.
  [[nodiscard]] Judgement judge_quickly(Stream& stream, const DataSet& pictures);

  Judge(Judge&&) noexcept;
  Judge& operator=(Judge&&) noexcept;
  ~Judge();

 private:
  struct State;
  explicit Judge(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace atelier
