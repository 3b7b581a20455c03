// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A process that answers each line on stdin with a line of JSON on stdout, one request at a time.
import {ChildProcess, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

export class LineProcess {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private errors = '';

  /** `name` is for errors. */
  constructor(private readonly name: string, file: string, args: readonly string[]) {
    this.child = spawn(file, args, {stdio: ['pipe', 'pipe', 'pipe']});
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.errors += text; });
    this.child.on('error', ({message}) => { this.errors += message; }); // it can not be run
    this.child.stdin!.on('error', () => {}); // a dead process shows in the missing answer
    this.lines = createInterface({input: this.child.stdout!})[Symbol.asyncIterator]();
  }

  /** An object is sent as JSON. Throws what an answer {"error": "…"} says. */
  async ask<Answer>(request: object | string): Promise<Answer> {
    this.child.stdin!.write(`${typeof request === 'string' ? request : JSON.stringify(request)}\n`);
    const {value, done} = await this.lines.next();
    if (done) throw new Error(`${this.name} ended without an answer\n${this.errors}`);
    const answer = JSON.parse(value) as Answer & {error?: string};
    if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }

  end(): void {
    this.child.stdin!.end();
  }
}
