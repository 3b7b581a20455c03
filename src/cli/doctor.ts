// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn doctor`: what was looked for and where, what was found, and for whatever is missing the next command; or, on
// request, what the backend `cuda` does with each kernel of tfjs-core.
import {devices, Devices} from '../index';
import {machineLine} from '../train/machine';
import {parseOptions} from './options';

const HELP = `Usage: tfjs-rbn doctor [--kernels] [--json]

Tells what this machine and this installation have: the native addon, the CUDA engine, the NVIDIA driver and GPUs; and
for whatever is missing the command to run next. tfjs-rbn works without a GPU and without the addon.

--kernels: tells instead which kernels of tfjs-core the backend cuda runs on the GPU and which on the CPU, on copies.
--json: the same for programs.
`;


export async function run(args: string[]): Promise<number> {
  const values = parseOptions(args, {json: {type: 'boolean'}, kernels: {type: 'boolean'}, help: {type: 'boolean', short: 'h'}});
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.kernels) {
    const {describeKernels, kernelTable} = await import('./doctor_kernels.js'); // loads tfjs's CPU backend
    const table = kernelTable();
    process.stdout.write(values.json ? `${JSON.stringify(table, null, 2)}\n` : describeKernels(table));
    return 0;
  }
  const found = devices();
  process.stdout.write(values.json ? `${JSON.stringify(found, null, 2)}\n` : describe(found));
  return 0;
}

function describe({version, addon, engine, driver, gpus, missing}: Devices): string {
  const line = (name: string, text: string) => `${name.padEnd(9)}${text}\n`;
  const below = (text: string) => line('', text);
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  let text = line('tfjs-rbn', version) + line('machine', machineLine()) + '\n';

  text += line('addon', addon.loaded ? `loaded; ${addon.isa}, ${addon.threads} ${addon.threads === 1 ? 'thread' : 'threads'}`
                                     : 'not loaded; RBN runs in plain TypeScript') + below(addon.path);
  text += line('engine', engine.loaded ? `loaded; ${engine.kind}, CUDA runtime ${engine.cudaRuntime}, code for ${engine.architectures}`
                                       : `not loaded (${engine.kind})`) + below(engine.path);
  text += line('driver', driver.version === null && driver.cuda === null ? 'none found' :
    `${driver.version ?? 'of unknown version'}${driver.cuda === null ? '' : `, serves CUDA ${driver.cuda}`}`) + below(driver.path);
  text += gpus.length === 0 ? line('GPUs', engine.loaded ? 'none found' : 'not known') : gpus.map((gpu, i) =>
    line(`GPU ${i}`, `${gpu.name}, compute capability ${gpu.computeCapability}, ${gpu.multiprocessors} multiprocessors, ` +
      `${gib(gpu.freeMemory)} of ${gib(gpu.totalMemory)} free${gpu.supported ? '' : ', not supported by this engine'}`)).join('');

  text += missing.length === 0 ? '\nNothing is missing.\n' : '\nMissing:\n' +
      missing.map(({code, message, next}) => `  ${code}: ${message}\n    next: ${next}\n`).join('');
  return text;
}
