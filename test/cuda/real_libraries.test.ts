// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// NVIDIA's own cuBLAS and cuDNN, as pip installs them, on a machine without a GPU: they open, have the functions and the
// version that the engine asks for, and refuse a handle with a reason. And their headers, against what the simulator
// says of them. Skipped where pip's packages nvidia-cublas and nvidia-cudnn-cu13 are not there.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import {doctorOfCudnn, ownBackend, systemHasCudnn, withEnvironment} from '../support/cuda';
import {read, root} from '../support/files';

/** pip's packages where python3 finds them: the folders of cuBLAS and of cuDNN. */
const folders = (spawnSync('python3', ['-c', 'import sys; print("\\n".join(sys.path))'], {encoding: 'utf8'}).stdout ?? '').split('\n');
const folderOf = (name: string) => folders.map((folder) => path.join(folder, 'nvidia', name)).find((folder) => fs.existsSync(folder));
const cublas = folderOf('cu13'), cudnn = folderOf('cudnn');

const hasGpu = fs.existsSync('/proc/driver/nvidia/version');

describe(`the real cuBLAS and cuDNN${cublas && cudnn ? '' : " (not here: pip install nvidia-cublas nvidia-cudnn-cu13)"}`, function() {
  this.timeout(120_000);
  before(function() {
    if (cublas === undefined || cudnn === undefined) this.skip();
  });

  it(`have every function and the version that is asked for, and say why there is no handle${hasGpu ? ' (not on a GPU)' : ''}`, async function() {
    if (hasGpu) this.skip(); // the simulator's streams are nothing for them
    const files = {
      RBN_CUBLAS_PATH: path.join(cublas!, 'lib', 'libcublas.so.13'), RBN_CUDNN_PATH: path.join(cudnn!, 'lib', 'libcudnn.so.9'),
    };
    const made = await withEnvironment(files, () => ownBackend());
    made.dispose();
    const [blas, dnn] = made.libraries;
    assert.match(blas!.version!, /^13\./);
    assert.match(blas!.problem!.message, /libcublas\.so\.13: cublasCreate: \S/);
    assert.match(dnn!.version!, /^9\./);
    assert.match(dnn!.problem!.message, /libcudnn\.so\.9: cudnnCreate: CUDNN_STATUS_NOT_INITIALIZED/);
  });

  it(`libcudnn.so.9 without its parts is refused${systemHasCudnn ? ' (not here: the system has them)' : ''}`, function() {
    if (systemHasCudnn) this.skip();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-front-'));
    try {
      const front = path.join(folder, 'libcudnn.so.9');
      fs.copyFileSync(path.join(cudnn!, 'lib', 'libcudnn.so.9'), front);
      assert.match(doctorOfCudnn(front), new RegExp(`NO_CUDNN: .*${front}: it needs libcudnn_graph\\.so\\.9, which does not open: `));
      // Nor does one part do for all.
      fs.symlinkSync(path.join(cudnn!, 'lib', 'libcudnn_graph.so.9'), path.join(folder, 'libcudnn_graph.so.9'));
      assert.match(doctorOfCudnn(front), /it needs libcudnn_ops\.so\.9, which does not open: /);
    } finally {
      fs.rmSync(folder, {recursive: true});
    }
  });

  for (const [header, folder] of [['cublas_v2.h', cublas], ['cudnn.h', cudnn]] as const) {
    it(`${header} has the numbers that the simulator's has`, function() {
      const toolkit = path.join(process.env.CUDA_HOME ?? '/usr/local/cuda', 'include');
      if (!fs.existsSync(path.join(toolkit, 'cuda_runtime_api.h'))) this.skip();
      const numbers = [...read(`native/simulator/include/${header}`).matchAll(/\b(CU\w+|\w+_VERSION|PATCH_LEVEL) = (-?\d+)/g)];
      assert.ok(numbers.length > 10, `${numbers.length} numbers`);
      const source = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-headers-')), 'numbers.cc');
      fs.writeFileSync(source, `#include <cuda_runtime_api.h>\n#include <${header}>\n${
        numbers.map(([, name, value]) => `static_assert(${name} == ${value}, "${name}");\n`).join('')}`);
      try {
        const {status, stderr} = spawnSync('g++', ['-std=c++17', '-fsyntax-only', '-isystem', toolkit, '-idirafter', path.join(folder!, 'include'), source],
            {cwd: root, encoding: 'utf8'});
        assert.equal(status, 0, stderr);
      } finally {
        fs.rmSync(path.dirname(source), {recursive: true});
      }
    });
  }
});
