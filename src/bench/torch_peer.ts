// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// PyTorch in a process of its own: bench/torch_peer.py, or for the kernels alone bench/torch_gpu_peer.py.
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {LineProcess} from './line_process';

const FOLDER = join(__dirname, '..', '..', 'bench');

const FIND = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';

/** Whether python3 has PyTorch. One that does not work is an error of the peer's: importing it here would take seconds. */
export function torchThere(): boolean {
  return spawnSync('python3', ['-c', FIND], {stdio: 'ignore', cwd: FOLDER}).status === 0;
}

export class TorchPeer extends LineProcess {
  constructor(script: 'torch_peer.py' | 'torch_gpu_peer.py' = 'torch_peer.py') {
    // -B: no compiled files beside the package's own.
    super(`bench/${script}`, 'python3', ['-B', join(FOLDER, script)]);
  }
}
