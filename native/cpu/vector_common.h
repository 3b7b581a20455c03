// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the vector_*.h share. RBN_CPU_ISA is the namespace of one instruction set; each translation
// unit kernels_*.cc defines its own. Code compiled for AVX must never be linked into a path that
// runs without it, so these files call nothing of the standard library that could be emitted out of
// line.
#ifndef RBN_CPU_VECTOR_COMMON_H_
#define RBN_CPU_VECTOR_COMMON_H_

#define RBN_MEMBER inline __attribute__((always_inline))
#define RBN_INLINE static RBN_MEMBER

#endif  // RBN_CPU_VECTOR_COMMON_H_
