#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The command `tfjs-rbn`: finds the command named and hands it the rest of the line.
import {packageVersion} from '../binding/addon';
import {listed, UsageError} from './options';

interface Command { run(args: string[]): Promise<number> }

// Loaded on demand: `doctor` must answer where tfjs is missing, and `train` sets up tfjs in its own processes.
const COMMANDS: Record<string, {about: string; load(): Promise<Command>}> = {
  doctor: {about: 'what this machine and this installation have, and what to do about what is missing', load: () => import('./doctor.js')},
  train: {about: 'train a small residual network on handwritten digits with RBN and with BatchNorm', load: () => import('./train.js')},
  bench: {about: 'time RBN against tfjs\'s own ops and, where python3 has it, PyTorch', load: () => import('./bench.js')},
  'bench-network': {about: 'time ResNet-50 and MobileNetV2 with RBN against PyTorch', load: () => import('./bench_network.js')},
};

const HELP = `Usage: tfjs-rbn COMMAND [OPTIONS]

Representative Batch Normalization for TensorFlow.js.

Commands:
${Object.entries(COMMANDS).map(([name, {about}]) => `  ${name.padEnd(15)}${about}`).join('\n')}

tfjs-rbn COMMAND --help lists a command's options; tfjs-rbn --version tells the version.
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === 'help' && args.length > 0) return main([...args, '--help']);
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${packageVersion}\n`);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(`expected a command, ${listed(Object.keys(COMMANDS))}, received '${name}'`);
  }
  return (await COMMANDS[name].load()).run(args);
}

const line = process.argv.slice(2);
main(line).then(
    code => { process.exitCode = code; },
    (error: Error) => {
      process.stderr.write(`tfjs-rbn: ${error.message}\n`);
      process.exitCode = error instanceof UsageError ? 2 : 1;
      if (!(error instanceof UsageError)) return;
      process.stderr.write(`Next: tfjs-rbn ${Object.hasOwn(COMMANDS, line[0]) ? `${line[0]} ` : ''}--help\n`);
    });
