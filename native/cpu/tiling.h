// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How the elements of a problem with S > 1 are cut into items of work. It follows from the shape
// alone, so sums come out in one order, whatever the number of threads.
#ifndef RBN_CPU_TILING_H_
#define RBN_CPU_TILING_H_

#include <stdint.h>

#include "../rbn/problem.h"

namespace rbn::cpu {

// Where a piece of one instance lies: positions [begin, end) of `channels` channels from channel c
// on (channels last), or of one channel after the other (channels first).
struct Piece {
  int64_t n, c;        // the first instance and channel
  int64_t channels;    // channels last: of the slab; channels first: rows (n, c), across instances
  int64_t begin, end;  // positions
  int64_t chunk;
};

class Tiling {
 public:
  explicit Tiling(const RbnProblem& problem);

  bool first() const { return first_; }
  int64_t chunks() const { return chunks_; }

  // Items that cover the instances [from, to).
  int64_t items(int64_t from, int64_t to) const;

  // piece(Piece) for the pieces of an item; channels last, one for each instance.
  template <class Body>
  void for_pieces(int64_t from, int64_t to, int64_t item, const Body& body) const {
    const int64_t slab = item % slabs_;
    const int64_t chunk = item / slabs_ % chunks_;
    const int64_t block = item / slabs_ / chunks_;
    const int64_t begin = chunk * length_;
    const int64_t end = begin + length_ < S_ ? begin + length_ : S_;
    if (first_) {
      const int64_t row = from * C_ + block * units_;
      const int64_t limit = to * C_ - row;
      body(Piece{row / C_, row % C_, units_ < limit ? units_ : limit, begin, end, chunk});
      return;
    }
    const int64_t c = slab * slab_;
    const int64_t channels = c + slab_ < C_ ? slab_ : C_ - c;
    const int64_t n_end = from + (block + 1) * units_ < to ? from + (block + 1) * units_ : to;
    for (int64_t n = from + block * units_; n < n_end; ++n)
      body(Piece{n, c, channels, begin, end, chunk});
  }

  // Offsets of a piece's first element.
  int64_t element(const Piece& p) const {
    return first_ ? (p.n * C_ + p.c) * S_ + p.begin : (p.n * S_ + p.begin) * C_ + p.c;
  }
  int64_t pivot(const Piece& p) const {
    return first_ ? (p.n * C_ + p.c) * S_ : p.n * S_ * C_ + p.c;
  }
  int64_t mask(const Piece& p) const {
    return first_ ? (p.n * C_ + p.c) * mask_row_ + p.begin / 8
                  : (p.n * S_ + p.begin) * mask_row_ + p.c / 8;
  }
  int64_t coefficient(const Piece& p) const { return p.n * C_ + p.c; }
  int64_t mask_row() const { return mask_row_; }

  // Sums of a piece: two planes of [C] for each instance and chunk.
  int64_t partial(int64_t n, int64_t chunk) const { return (n * chunks_ + chunk) * 2 * C_; }

 private:
  bool first_;
  int64_t N_, S_, C_;
  int64_t mask_row_;
  int64_t slab_, slabs_;     // channels of a slab; slabs
  int64_t length_, chunks_;  // positions of a chunk; chunks of an instance
  int64_t units_;            // instances (channels last) or rows (channels first) of an item
};

}  // namespace rbn::cpu

#endif  // RBN_CPU_TILING_H_
