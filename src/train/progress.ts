// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Shows how far the training runs are: one bar that is redrawn on a terminal, a line an epoch elsewhere.
import {Progress, RunConfig} from './run';

const BAR = 30; // characters
const ERASE_LINE = '\r\x1b[K';

export class ProgressView {
  private readonly started = performance.now();
  private readonly fractions = new Map<RunConfig, number>();

  constructor(private readonly configs: readonly RunConfig[], private readonly out: NodeJS.WriteStream) {}

  update(config: RunConfig, {step, steps, epoch}: Progress): void {
    this.fractions.set(config, step / steps);
    if (epoch !== null && epoch.epoch > 0) {
      this.line(`${config.norm.padEnd(3)} seed ${config.seed}  epoch ${epoch.epoch}/${config.epochs}  ` +
          `training loss ${epoch.trainLoss!.toFixed(4)}  test loss ${epoch.testLoss.toFixed(4)}  ` +
          `test accuracy ${epoch.testAccuracy.toFixed(4)}`);
    }
    if (this.out.isTTY) this.out.write(ERASE_LINE + this.bar());
  }

  end(): void {
    if (this.out.isTTY) this.out.write(ERASE_LINE);
  }

  private line(text: string): void {
    this.out.write(`${this.out.isTTY ? ERASE_LINE : ''}${text}\n`);
  }

  private bar(): string {
    const done = [...this.fractions.values()].reduce((a, b) => a + b, 0) / this.configs.length;
    const filled = Math.round(done * BAR);
    const running = [...this.fractions.values()].filter(f => f < 1).length;
    const left = (performance.now() - this.started) * (1 - done) / done / 1000;
    const eta = Number.isFinite(left) ? `  ${Math.ceil(left)} s left` : '';
    const text = `[${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}] ${(100 * done).toFixed(0).padStart(3)} %  ` +
        `${running} of ${this.configs.length} runs at work${eta}`;
    return text.slice(0, (this.out.columns || 80) - 1);
  }
}
