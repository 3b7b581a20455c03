// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Saving and loading models on disk, which tfjs-core leaves to tfjs-node: the standard layout of a
// model.json beside its weights.bin, also with weights in several files.
import {io} from '@tensorflow/tfjs-core';
import {randomUUID} from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {fileURLToPath} from 'node:url';

const MODEL_FILE = 'model.json';
const SCHEME = 'file://';

/** Bytes of one stored element, by the dtype of the weight or of its quantization. */
const ELEMENT_BYTES: {[dtype: string]: number | undefined} =
    {float32: 4, int32: 4, bool: 1, complex64: 8, float16: 2, uint8: 1, uint16: 2};

/**
 * A handler that saves models to a folder, or loads them from one: LayersModel and GraphModel.
 *
 * ```js
 * const model = tf.sequential({layers: [tf.layers.dense({units: 2, inputShape: [3]})]});
 * await model.save(rbn.io.fileSystem('./my-model')); // my-model/model.json and my-model/weights.bin
 * const loaded = await tf.loadLayersModel(rbn.io.fileSystem('./my-model'));
 * console.log(loaded.outputs[0].shape); // [null, 2]
 * ```
 *
 * `model.save('file://my-model')` and `tf.loadLayersModel('file://my-model/model.json')` do the same, unless
 * another package (tfjs-node) answers for file://.
 *
 * @param location The folder, or the JSON file in it. A folder is created when needed. A model that is there
 *     is replaced only when the new one is whole on disk, by two renames, the weights' first. A crash between
 *     the two leaves the new weights beside the old model.json: the new model where only weights have changed,
 *     as while training, and else an error of `load` unless both need the same number of bytes.
 * @returns An IOHandler. Its promises are rejected with an Error that names the file: where it is missing,
 *     is no JSON, names weights outside of its folder, or where these do not have the size that the model needs.
 * @throws TypeError where location is no string or empty.
 */
export function fileSystem(location: string): io.IOHandler {
  if (typeof location !== 'string' || location === '') {
    throw new TypeError(`location: expected the path of a folder or of a model.json, received ${
        location === '' ? 'an empty string' : location === null ? 'null' : typeof location}`);
  }
  return {save: (artifacts) => save(location, artifacts), load: () => load(location)};
}

/** Answers for file:// wherever nobody else does, whether they register before or after. */
export function registerFileRouters(): void {
  io.registerSaveRouter(routerBeside((url) => io.getSaveHandlers(url as string)));
  io.registerLoadRouter(routerBeside((url) => io.getLoadHandlers(url as string)));
}

function routerBeside(handlersOf: (url: string | string[]) => io.IOHandler[]) {
  let asking = false; // we are one of those that are asked
  return (url: string | string[]): io.IOHandler => {
    const none = null as unknown as io.IOHandler; // tfjs's word for "not mine", against its typings
    if (asking || typeof url !== 'string' || !url.startsWith(SCHEME)) return none;
    asking = true;
    try {
      return handlersOf(url).length > 0 ? none : fileSystem(pathOf(url));
    } finally {
      asking = false;
    }
  };
}

/** file:///absolute%20path is a URL; file://relative/path is tfjs's own form, taken as it stands. */
function pathOf(url: string): string {
  return url.startsWith(`${SCHEME}/`) ? fileURLToPath(url) : url.slice(SCHEME.length);
}

async function save(location: string, artifacts: io.ModelArtifacts): Promise<io.SaveResult> {
  if (artifacts.modelTopology instanceof ArrayBuffer) {
    throw new TypeError('modelTopology: expected JSON, received an ArrayBuffer');
  }
  const modelFile = location.endsWith('.json') ? location : path.join(location, MODEL_FILE);
  const folder = path.dirname(modelFile);
  // Models under other names in one folder keep apart: a.json has a.weights.bin.
  const name = path.basename(modelFile);
  const weightsFile = name === MODEL_FILE ? 'weights.bin' : `${path.basename(name, '.json')}.weights.bin`;
  await fs.mkdir(folder, {recursive: true}).catch((e) => {
    throw new Error(`${folder}: expected a folder, or to create one: ${e.message}`, {cause: e});
  });

  const {weightData, weightSpecs, ...rest} = artifacts;
  const model: Partial<io.ModelJSON> = {};
  for (const key of JSON_KEYS) Object.assign(model, rest[key] === undefined ? {} : {[key]: rest[key]});
  const files: [file: string, parts: (ArrayBuffer | Buffer)[]][] = [];
  if (weightData !== undefined) {
    model.weightsManifest = [{paths: [weightsFile], weights: weightSpecs ?? []}];
    files.push([path.join(folder, weightsFile), [weightData].flat()]);
  }
  // Last: a model.json never names weights that are not there.
  files.push([modelFile, [Buffer.from(JSON.stringify(model))]]);
  await replace(folder, files);
  return {modelArtifactsInfo: io.getModelArtifactsInfoForJSON(artifacts)};
}

/** What a model.json has of the artifacts beside the weights. */
const JSON_KEYS = [
  'modelTopology', 'format', 'generatedBy', 'convertedBy', 'trainingConfig', 'signature', 'userDefinedMetadata',
  'modelInitializer', 'initializerSignature',
] as const;

/** Writes all files of a folder under other names first, and renames them when all are on disk. */
async function replace(folder: string, files: [file: string, parts: (ArrayBuffer | Buffer)[]][]): Promise<void> {
  const ending = `.${randomUUID()}.tmp`; // others may save there too
  try {
    for (const [file, parts] of files) {
      const handle = await fs.open(file + ending, 'wx');
      try {
        for (const part of parts) await handle.writeFile(part instanceof ArrayBuffer ? new Uint8Array(part) : part);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    for (const [file] of files) await fs.rename(file + ending, file);
  } catch (e) {
    for (const [file] of files) await fs.rm(file + ending, {force: true});
    throw e;
  }
  // The new names to disk, too. Not every file system can do that; the files are in place either way.
  const handle = await fs.open(folder);
  await handle.sync().catch(() => {});
  await handle.close();
}

async function load(location: string): Promise<io.ModelArtifacts> {
  const isFolder = await fs.stat(location).then((stats) => stats.isDirectory(), () => false);
  const modelFile = isFolder ? path.join(location, MODEL_FILE) : location;
  const text = await fs.readFile(modelFile, 'utf8').catch((e) => {
    throw unreadable(modelFile, 'the model', e);
  });
  let model: io.ModelJSON;
  try {
    model = JSON.parse(text);
  } catch (e) {
    throw new Error(`${modelFile}: expected JSON: ${(e as Error).message}`, {cause: e});
  }
  if (typeof model !== 'object' || model === null || !model.modelTopology && !model.weightsManifest) {
    throw new Error(`${modelFile}: expected a model with modelTopology or weightsManifest, received neither`);
  }
  return io.getModelArtifactsForJSON(model, (manifest) => readWeights(modelFile, manifest));
}

/** All weights of a manifest, the files of its groups one after the other, in one buffer. */
async function readWeights(
    modelFile: string, manifest: io.WeightsManifestConfig): Promise<[io.WeightsManifestEntry[], ArrayBuffer]> {
  const isGroup = (group: io.WeightsManifestConfig[number]) => Array.isArray(group?.paths) && Array.isArray(group.weights);
  if (!Array.isArray(manifest) || !manifest.every(isGroup)) {
    throw new Error(`${modelFile}: expected weightsManifest as a list of {paths, weights}`);
  }
  const specs: io.WeightsManifestEntry[] = [];
  const parts: Buffer[] = [];
  for (const group of manifest) {
    const files = group.paths.map((file) => inFolderOf(modelFile, file));
    let received = 0;
    for (const file of files) {
      const part = await fs.readFile(file).catch((e) => {
        throw unreadable(file, 'weights', e);
      });
      parts.push(part);
      received += part.byteLength;
    }
    const expected = bytesOf(group.weights);
    if (expected !== null && received !== expected) {
      throw new Error(`${files.join(', ')}: expected ${expected} bytes of weights, received ${received}`);
    }
    specs.push(...group.weights);
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return [specs, whole.buffer];
}

/** A model may come from strangers: it must not name files elsewhere. */
function inFolderOf(modelFile: string, file: string): string {
  const folder = path.dirname(modelFile), whole = path.join(folder, file);
  if (path.relative(folder, whole).split(path.sep)[0] === '..') {
    throw new Error(`${modelFile}: expected weights in its own folder or below, received the path '${file}'`);
  }
  return whole;
}

/** Bytes that weights take, or null where they do not tell: strings carry their own lengths. */
function bytesOf(weights: io.WeightsManifestEntry[]): number | null {
  let bytes = 0;
  for (const {shape, dtype, quantization} of weights) {
    const elementBytes = ELEMENT_BYTES[quantization?.dtype ?? dtype];
    if (elementBytes === undefined) return null;
    bytes += elementBytes * shape.reduce((size, dimension) => size * dimension, 1);
  }
  return bytes;
}

function unreadable(file: string, what: string, e: NodeJS.ErrnoException): Error {
  const reason = e.code === 'ENOENT' ? 'no such file' : e.message;
  return new Error(`${file}: expected ${what}: ${reason}`, {cause: e});
}
