// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Talks to bench/torch_peer.py, which runs PyTorch in a process of its own, one request and one answer at a time.
import {ChildProcess, spawn, spawnSync} from 'node:child_process';
import {dirname, join} from 'node:path';
import {createInterface} from 'node:readline';

const SCRIPT = join(__dirname, '..', '..', 'bench', 'torch_peer.py');

const FIND = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';

/** Whether python3 has PyTorch. One that does not work is an error of the peer's: importing it here would take seconds. */
export function torchThere(): boolean {
  return spawnSync('python3', ['-c', FIND], {stdio: 'ignore', cwd: dirname(SCRIPT)}).status === 0;
}

export class TorchPeer {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private errors = '';

  constructor() {
    // -B: no compiled files beside the package's own.
    this.child = spawn('python3', ['-B', SCRIPT], {stdio: ['pipe', 'pipe', 'pipe']});
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.errors += text; });
    this.child.stdin!.on('error', () => {}); // a dead peer shows in the missing answer
    this.lines = createInterface({input: this.child.stdout!})[Symbol.asyncIterator]();
  }

  async ask<Answer>(request: object): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    const {value, done} = await this.lines.next();
    if (done) throw new Error(`bench/torch_peer.py ended without an answer\n${this.errors}`);
    const answer = JSON.parse(value) as Answer & {error?: string};
    if (answer.error !== undefined) throw new Error(`bench/torch_peer.py: ${answer.error}`);
    return answer;
  }

  end(): void {
    this.child.stdin!.end();
  }
}
