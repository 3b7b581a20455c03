// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tfjs's flags of the backend `cuda`: tf.env().set(name, true), at any time; the next call obeys.
import {env} from '@tensorflow/tfjs-core';

import {Products} from '../binding';

/** NVIDIA's libraries may round the factors of products to 10 bits (TF32), which tensor cores multiply faster. */
const TF32 = 'RBN_CUDA_TF32';
/** Matrix products and convolutions by this package's own kernels, also where NVIDIA's libraries are; to compare them. */
const PLAIN = 'RBN_CUDA_PLAIN';

export function registerFlags(): void {
  for (const flag of [TF32, PLAIN]) env().registerFlag(flag, () => false);
}

export function productsOfFlags(): Products {
  return env().getBool(PLAIN) ? Products.Plain : env().getBool(TF32) ? Products.Tf32 : Products.Exact;
}
