// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm install` runs this: it builds the native addon with any C++17 compiler and, where nvcc is found,
// the CUDA engine. What cannot be built is said, with the next command, and does not fail the install:
// the package then does without it. `--addon` and `--engine` build one of them alone and do fail.
//
//   RBN_CUDA_ARCHITECTURES  GPUs to build for: 'native' (those in this machine), 'all' (every one that
//                           nvcc knows), a CMake list such as '80;90', or 'none' for no engine. By default
//                           those that nvidia-smi names, and without one the major ones with PTX of the newest.
import fs from 'node:fs';
import path from 'node:path';

import {findHeaders} from './headers.mjs';
import {buildAddon, buildWithCmake, findNvcc, output, root, say, versionOf, which} from './tools.mjs';

const only = process.argv[2];

async function installAddon() {
  for (const tool of ['make', 'python3', process.env.CXX ?? 'g++']) {
    if (which(tool) === null && !fs.existsSync(tool)) {
      say(`the native addon was not built: no '${tool}' on PATH. RBN will run in plain TypeScript, slower. ` +
          'Next: install g++, make and python3, then npm rebuild tfjs-rbn');
      return false;
    }
  }
  if (await buildAddon()) return true;
  say('RBN will run in plain TypeScript, slower. Next: mend what the compiler said, then npm rebuild tfjs-rbn');
  return false;
}

/** Compute capabilities that nvidia-smi names, as '90;120', or null. */
function localArchitectures() {
  const smi = which('nvidia-smi');
  const text = smi === null ? null : output(smi, ['--query-gpu=compute_cap', '--format=csv,noheader']);
  const found = (text ?? '').split('\n').map(line => line.trim()).filter(line => /^\d+\.\d$/.test(line));
  return found.length === 0 ? null : [...new Set(found)].map(c => c.replace('.', '')).join(';');
}

async function installEngine() {
  const wanted = process.env.RBN_CUDA_ARCHITECTURES || null;
  if (wanted === 'none') {
    say('RBN_CUDA_ARCHITECTURES=none: the CUDA engine was not built');
    return false;
  }
  if (wanted !== null && !/^(native|all|all-major|\d+[a-z]?(-real|-virtual)?(;\d+[a-z]?(-real|-virtual)?)*)$/.test(wanted)) {
    say("RBN_CUDA_ARCHITECTURES: expected 'native', 'all', 'all-major', 'none' or a list such as '80;90', " +
        `received '${wanted}': the CUDA engine was not built. Next: mend it, then npm rebuild tfjs-rbn`);
    return false;
  }
  const nvcc = findNvcc();
  if (nvcc === null) {
    say('no nvcc found: the CUDA engine was not built, the CPU code works. ' +
        'To use an NVIDIA GPU, install the CUDA toolkit and run npm rebuild tfjs-rbn');
    return false;
  }
  if (which('cmake') === null) {
    say(`found ${nvcc} but no cmake: the CUDA engine was not built. Next: install cmake, then npm rebuild tfjs-rbn`);
    return false;
  }
  const architectures = wanted === 'native' ? localArchitectures() : wanted ?? localArchitectures() ?? 'all-major';
  if (architectures === null) {
    say("RBN_CUDA_ARCHITECTURES=native, but nvidia-smi names no GPU: the CUDA engine was not built");
    return false;
  }
  const headers = findHeaders(nvcc, Number.parseInt(versionOf(nvcc) ?? '', 10));
  for (const [name, folder] of Object.entries(headers)) {
    say(folder === null ? `no headers of ${name} found: the engine will do without it. 'npx tfjs-rbn doctor' tells how to get them` :
      `headers of ${name}: ${folder}`);
  }
  // Another nvcc or another list of GPUs: what CMake has cached no longer holds.
  fs.rmSync(path.join(root, 'out', 'cuda'), {recursive: true, force: true});
  if (await buildWithCmake(`the CUDA engine for ${architectures} with ${nvcc}`, 'cuda',
      {RBN_BUILD: 'cuda', CMAKE_CUDA_COMPILER: nvcc, RBN_CUDA_ARCHITECTURES: architectures,
        RBN_CUBLAS_HEADERS: headers.cublas ?? '', RBN_CUDNN_HEADERS: headers.cudnn ?? ''})) {
    return true;
  }
  say('the CUDA engine was not built, the CPU code works. Next: mend what nvcc said, then npm rebuild tfjs-rbn');
  return false;
}

if (only === '--addon') {
  process.exitCode = await installAddon() ? 0 : 1;
} else if (only === '--engine') {
  process.exitCode = await installEngine() ? 0 : 1;
} else if (only === undefined) {
  await installAddon();
  await installEngine();
} else {
  say(`install.mjs: expected no argument, '--addon' or '--engine', received '${only}'`);
  process.exitCode = 2;
}
