// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn doctor`: what was looked for and where, what was found, and for whatever is missing the next command; or, on
// request, what the backend `cuda` does with each kernel.
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {Devices, LibraryState, triedDevices} from '../binding';
import {packageRoot} from '../binding/addon';
import {parseOptions} from './options';
import {describeTfjsNode, probeTfjsNode, TfjsNode} from './tfjs_node';

const HELP = `Usage: tfjs-rbn doctor [--kernels] [--json]

Tells what this machine and this installation have: the native addon, the CUDA engine, the NVIDIA driver and GPUs,
cuBLAS and cuDNN, which the engine opens for matrix products and convolutions, tfjs-node and how RBN runs on it, and
nvcc and cmake, which build the engine; and for whatever is missing what to run or to do next. The GPU that RBN_DEVICE
names is opened, and both libraries on it, as the backend cuda does. tfjs-rbn works without a GPU, without the addon
and without tfjs-node.

  --kernels         tells instead which kernels, those of tfjs-core and of this package, the backend cuda runs on
                    the GPU and which on the CPU, on copies
  --json            prints JSON instead
  --help            this text
`;

/** What builds the engine; null: not found, or a version that it does not tell. */
interface Tool { path: string | null; version: string | null }
interface Tools { nvcc: Tool; cmake: Tool }

/** Each tool: where it was looked for, the oldest version that will do, how to get one. */
const TOOLS: {[name in keyof Tools]: {places: string; least: [number, number]; next: string}} = {
  nvcc: {
    places: 'in CUDACXX, on PATH, in CUDA_HOME (or /usr/local/cuda)', least: [12, 8],
    next: 'install the CUDA toolkit: https://developer.nvidia.com/cuda-downloads',
  },
  cmake: {places: 'on PATH', least: [3, 22], next: 'install cmake, such as by sudo apt-get install cmake'},
};

/** Looks as the build of the engine does, with the same code. */
async function findTools(): Promise<Tools> {
  const {findNvcc, versionOf, which} = await import(pathToFileURL(join(packageRoot, 'scripts', 'tools.mjs')).href) as {
    findNvcc(): string | null; versionOf(file: string): string | null; which(name: string): string | null;
  };
  const tool = (path: string | null): Tool => ({path, version: path === null ? null : versionOf(path)});
  return {nvcc: tool(findNvcc()), cmake: tool(which('cmake'))};
}

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
  const {tensorflow: _ofThisProcess, ...found} = triedDevices();
  const tfjsNode = probeTfjsNode();
  const {problem} = tfjsNode;
  if (problem !== null && found.missing.every(({code}) => code !== problem.code)) found.missing.push(problem);
  const tools = await findTools();
  process.stdout.write(values.json ? `${JSON.stringify({...found, tfjsNode, tools}, null, 2)}\n` :
    await describe(found, tfjsNode, tools));
  return 0;
}

/** A library that the backend opens, or would on a GPU. */
function describeLibrary({state, version}: LibraryState): string {
  if (state === 'in use') return version!;
  return `${state === 'off' ? 'off' : `not used${version === null ? '' : `; ${version}`}`}; plain kernels do its work`;
}

interface Missing { code: string; message: string; next: string }

/** Peers that npm should have installed; without them there is no RBN, but this command answers. */
function missingPeers(): Missing[] {
  return ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers'].filter(peer => {
    try {
      require.resolve(peer);
      return false;
    } catch {
      return true;
    }
  }).map(peer => ({code: 'NO_PEER', message: `${peer} is not installed`, next: `npm install ${peer}@4`}));
}

/** What the engine's build lacks. */
function missingTools(tools: Tools): Missing[] {
  return (Object.keys(TOOLS) as (keyof Tools)[]).flatMap(name => {
    const {places, least, next} = TOOLS[name], {path, version} = tools[name], needed = `${least.join('.')} or newer`;
    if (path === null) return [{code: `NO_${name.toUpperCase()}`, message: `no ${name} found (looked ${places})`, next: `${next}   (${needed})`}];
    const [major, minor] = (version ?? '').split('.').map(Number);
    if (version === null || major > least[0] || (major === least[0] && minor >= least[1])) return [];
    return [{code: `OLD_${name.toUpperCase()}`, message: `${path}: expected version ${needed}, found ${version}`, next}];
  });
}

async function describe(found: Omit<Devices, 'tensorflow'>, tfjsNode: TfjsNode, tools: Tools): Promise<string> {
  const {version, addon, engine, driver, gpus, libraries, missing} = found;
  const line = (name: string, text: string) => `${name.padEnd(10)}${text}\n`;
  const below = (text: string) => line('', text);
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const simulated = engine.kind === 'simulator';
  const toolLine = (name: keyof Tools) => line(name, tools[name].path === null ? 'none found' :
    `${tools[name].version ?? 'of unknown version'}, ${tools[name].path}`);
  const peers = missingPeers();
  let text = line('tfjs-rbn', version);
  if (peers.length === 0) text += line('machine', (await import('../train/machine.js')).machineLine());
  text += '\n';

  text += line('addon', addon.loaded ? `loaded; ${addon.isa}, ${addon.threads} ${addon.threads === 1 ? 'thread' : 'threads'}`
                                     : 'not loaded; RBN runs in plain TypeScript') + below(addon.path);
  text += line('engine', !engine.loaded ? `not loaded${simulated ? ' (simulator)' : ''}` :
    simulated ? 'loaded; the simulator: CUDA code on the CPU, for tests' :
                `loaded; CUDA runtime ${engine.cudaRuntime}, code for ${engine.architectures}`) + below(engine.path);
  text += line('driver', driver.version === null && (driver.cuda === null || simulated) ? 'none found' :
    `${driver.version ?? 'of unknown version'}${driver.cuda === null ? '' : `, serves CUDA ${driver.cuda}`}`) + below(driver.path);
  text += gpus.length === 0 ? line('GPUs', engine.loaded ? 'none found' : 'not known without the engine') : gpus.map((gpu, i) =>
    line(`GPU ${i}`, `${gpu.name}, compute capability ${gpu.computeCapability}, ${gpu.multiprocessors} multiprocessors, ` +
      `${gib(gpu.freeMemory)} of ${gib(gpu.totalMemory)} free${gpu.supported ? '' : ', not supported by this engine'}`)).join('');
  for (const library of libraries) text += line(library.name, describeLibrary(library)) + (library.path === null ? '' : below(library.path));
  text += toolLine('nvcc') + toolLine('cmake');
  text += line('tfjs-node', describeTfjsNode(tfjsNode)) + (tfjsNode.path === null ? '' : below(tfjsNode.path));

  if (simulated) text += '\nRBN_ENGINE asks for the simulator, which is for tests; without that variable a GPU is looked for.\n';
  const withoutEngine = missing.some(({code}) => code === 'NO_ENGINE') && !simulated;
  const all: Missing[] = [...peers, ...(withoutEngine ? missingTools(tools) : []), ...missing];
  if (all.length === 0) return simulated ? text : `${text}\nNothing is missing.\n`;
  const isForGpu = peers.length === 0 && addon.loaded && tfjsNode.problem === null && !simulated;
  return `${text}\n${isForGpu ? 'Missing for an NVIDIA GPU (the CPU code needs none of it)' : 'Missing'}:\n${
    all.map(({code, message, next}) => `  ${code}: ${message}\n    next: ${next}\n`).join('')}`;
}
