// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Finds the headers of cuBLAS and cuDNN for the CUDA engine's build: in the CUDA toolkit, in the system's folders, in the
// packages of pip that the python3 on PATH sees. The libraries themselves are opened at run time.
import fs from 'node:fs';
import path from 'node:path';

import {output, which} from './tools.mjs';

/** Each library: where its header may be below a folder, the file that tells the version, and how. */
const LIBRARIES = {
  cublas: {
    header: 'cublas_v2.h', versionIn: 'cublas_api.h', version: /#define CUBLAS_VER_MAJOR (\d+)/,
    // nvidia-cublas, nvidia-cublas-cu12
    python: ['nvidia/cu13/include', 'nvidia/cublas/include'],
  },
  cudnn: {
    header: 'cudnn.h', versionIn: 'cudnn_version.h', version: /#define CUDNN_MAJOR (\d+)/,
    python: ['nvidia/cudnn/include'],
  },
};

/** The folders where python3 finds packages. */
function pythonFolders() {
  const python = which('python3');
  const text = python === null ? null : output(python, ['-c', 'import sys; print("\\n".join(sys.path))']);
  return (text ?? '').split('\n').filter(folder => path.isAbsolute(folder));
}

/** The toolkit of an nvcc, the one that CUDA_HOME names, the system's own. */
function systemFolders(nvcc) {
  const toolkit = path.join(path.dirname(fs.realpathSync(nvcc)), '../include');
  const architecture = {x64: 'x86_64', arm64: 'aarch64'}[process.arch];
  return [
    toolkit, path.join(process.env.CUDA_HOME ?? '/usr/local/cuda', 'include'),
    '/usr/include', `/usr/include/${architecture}-linux-gnu`,
  ];
}

/** The major version that the header of a library tells in a folder; null where there is none. */
function majorIn(folder, {header, versionIn, version}) {
  if (!fs.existsSync(path.join(folder, header))) return null;
  try {
    return Number(version.exec(fs.readFileSync(path.join(folder, versionIn), 'utf8'))?.[1] ?? NaN);
  } catch {
    return NaN; // without the file that tells it, it is too old
  }
}

/**
 * The folders {cublas, cudnn} of the headers of the major versions `wanted`, such as {cublas: 13, cudnn: 9}, each null
 * where there are none. `system` are folders of headers, `python` those of packages.
 */
export function headersIn(system, python, wanted) {
  return Object.fromEntries(Object.entries(LIBRARIES).map(([name, library]) => {
    const folders = [...system, ...python.flatMap(folder => library.python.map(inside => path.join(folder, inside)))];
    return [name, folders.find(folder => majorIn(folder, library) === wanted[name]) ?? null];
  }));
}

/** For an nvcc of that major version of CUDA. The engine is written for cuDNN 9. */
export function findHeaders(nvcc, cudaMajor) {
  return headersIn(systemFolders(nvcc), pythonFolders(), {cublas: cudaMajor, cudnn: 9});
}
