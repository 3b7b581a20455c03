// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A part of the false cuDNN, such as libcudnn_graph.so.9: the engine opens it and calls nothing of it.
#include "library_fake.h"

RBN_FAKE_EXPORT int rbn_fake_part() { return 0; }
