// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The file system handler: what it writes, what it reads, and what it says of broken files.
import '@tensorflow/tfjs-backend-cpu';
import * as tfc from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {pathToFileURL} from 'node:url';
import {isDeepStrictEqual} from 'node:util';
import * as rbn from 'tfjs-rbn';

describe('io.fileSystem', () => {
  let folder: string;
  before(() => tfc.setBackend('cpu'));
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbn-io-'));
  });
  afterEach(() => fs.rmSync(folder, {recursive: true}));

  const makeModel = () => {
    const model = tfl.sequential();
    model.add(tfl.layers.dense({units: 3, inputShape: [2], name: 'first'}));
    model.add(rbn.layers.representativeBatchNormalization({name: 'norm'}));
    model.compile({optimizer: tfc.train.adam(0.01), loss: 'meanSquaredError', metrics: ['mae']});
    return model;
  };
  const weightsOf = (model: tfl.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
  const readJson = () => JSON.parse(fs.readFileSync(path.join(folder, 'model.json'), 'utf8'));
  const saved = async (model = makeModel()) => {
    await model.save(rbn.io.fileSystem(folder));
    return model;
  };

  it('writes a model.json and a weights.bin, and nothing else', async () => {
    const result = await makeModel().save(rbn.io.fileSystem(path.join(folder, 'a', 'b')));
    assert.deepEqual(fs.readdirSync(path.join(folder, 'a', 'b')).sort(), ['model.json', 'weights.bin']);
    const floats = 2 * 3 + 3 + 7 * 3;
    assert.equal(fs.statSync(path.join(folder, 'a', 'b', 'weights.bin')).size, 4 * floats);
    assert.equal(result.modelArtifactsInfo.weightDataBytes, 4 * floats);
    const json = JSON.parse(fs.readFileSync(path.join(folder, 'a', 'b', 'model.json'), 'utf8'));
    assert.equal(json.format, 'layers-model');
    assert.deepEqual(json.weightsManifest[0].paths, ['weights.bin']);
  });

  it('reads it again, by folder and by file', async () => {
    const model = await saved();
    for (const location of [folder, path.join(folder, 'model.json')]) {
      assert.deepEqual(weightsOf(await tfl.loadLayersModel(rbn.io.fileSystem(location))), weightsOf(model));
    }
  });

  it('answers for file://', async () => {
    const model = makeModel();
    await model.save(`file://${folder}`);
    const loaded = await tfl.loadLayersModel(`file://${folder}/model.json`);
    assert.deepEqual(weightsOf(loaded), weightsOf(model));
    assert.equal(tfc.io.getLoadHandlers('file://x').length, 1);
    assert.equal(tfc.io.getLoadHandlers('http://x').length, 1);
  });

  it('keeps models under other names in one folder apart', async () => {
    const models = [makeModel(), makeModel()];
    const files = ['a.json', 'b.json'].map((name) => path.join(folder, name));
    for (const i of [0, 1]) await models[i].save(rbn.io.fileSystem(files[i]));
    assert.deepEqual(fs.readdirSync(folder).sort(), ['a.json', 'a.weights.bin', 'b.json', 'b.weights.bin']);
    for (const i of [0, 1]) {
      assert.deepEqual(weightsOf(await tfl.loadLayersModel(rbn.io.fileSystem(files[i]))), weightsOf(models[i]));
    }
  });

  it('understands file:// URLs with escapes', async () => {
    const spaced = path.join(folder, 'with space');
    await makeModel().save(pathToFileURL(spaced).href);
    assert.deepEqual(fs.readdirSync(spaced).sort(), ['model.json', 'weights.bin']);
  });

  it('leaves file:// to a package that registers for it, even later', () => {
    const theirs: tfc.io.IOHandler = {load: async () => ({}), save: async () => ({}) as tfc.io.SaveResult};
    let there = true;
    const router = (url: string | string[]) => there && String(url).startsWith('file://') ? theirs : null!;
    tfc.io.registerLoadRouter(router);
    tfc.io.registerSaveRouter(router);
    assert.deepEqual(tfc.io.getLoadHandlers('file://x'), [theirs]);
    assert.deepEqual(tfc.io.getSaveHandlers('file://x'), [theirs]);
    there = false; // (tfjs-core has no way to take a router out)
    assert.equal(tfc.io.getLoadHandlers('file://x').length, 1);
  });

  it('keeps the optimizer, the training configuration and the metadata', async () => {
    const model = makeModel();
    await model.fit(tfc.ones([4, 2]), tfc.zeros([4, 3]), {epochs: 2, verbose: 0});
    model.setUserDefinedMetadata({labels: ['a', 'b']});
    await model.save(rbn.io.fileSystem(folder), {includeOptimizer: true});
    const loaded = await tfl.loadLayersModel(rbn.io.fileSystem(folder));
    assert.deepEqual(loaded.getUserDefinedMetadata(), {labels: ['a', 'b']});
    assert.deepEqual(loaded.loss, 'meanSquaredError');
    const state = async (m: tfl.LayersModel) =>
        (await m.optimizer.getWeights()).map(({tensor}) => [...tensor.dataSync()]);
    assert.deepEqual(await state(loaded), await state(model));
  });

  it('keeps what a graph model has', async () => {
    const artifacts: tfc.io.ModelArtifacts = {
      modelTopology: {node: []}, format: 'graph-model', generatedBy: 'a test', convertedBy: null,
      signature: {inputs: {}}, modelInitializer: {node: [1]}, initializerSignature: {outputs: {}},
      weightSpecs: [{name: 'w', shape: [2], dtype: 'int32'}], weightData: new Int32Array([7, 8]).buffer,
      userDefinedMetadata: {a: 1},
    };
    const handler = rbn.io.fileSystem(folder);
    await handler.save!(artifacts);
    assert.deepEqual(await handler.load!(), artifacts);
  });

  it('writes weights that come in several buffers, and models without weights', async () => {
    const handler = rbn.io.fileSystem(folder);
    const weightSpecs: tfc.io.WeightsManifestEntry[] = [{name: 'w', shape: [3], dtype: 'float32'}];
    const weightData = [new Float32Array([1, 2]).buffer, new Float32Array([3]).buffer];
    await handler.save!({modelTopology: {}, weightSpecs, weightData});
    assert.deepEqual((await handler.load!()).weightData, new Float32Array([1, 2, 3]).buffer);
    await handler.save!({modelTopology: {}});
    assert.equal((await handler.load!()).weightData, undefined);
  });

  it('reads weights in several files and groups', async () => {
    const model = await saved();
    const json = readJson();
    const bytes = fs.readFileSync(path.join(folder, 'weights.bin'));
    const specs = json.weightsManifest[0].weights;
    fs.mkdirSync(path.join(folder, 'shards'));
    fs.writeFileSync(path.join(folder, 'shards', '1'), bytes.subarray(0, 10));
    fs.writeFileSync(path.join(folder, 'shards', '2'), bytes.subarray(10, 24));
    fs.writeFileSync(path.join(folder, 'shards', '3'), bytes.subarray(24));
    json.weightsManifest = [
      {paths: ['shards/1', 'shards/2'], weights: specs.slice(0, 1)}, {paths: ['shards/3'], weights: specs.slice(1)},
    ];
    fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify(json));
    fs.rmSync(path.join(folder, 'weights.bin'));
    const loaded = await tfl.loadLayersModel(rbn.io.fileSystem(folder));
    assert.deepEqual(weightsOf(loaded), weightsOf(model));
  });

  it('takes the size of quantized weights from their quantization', async () => {
    const quantization = {dtype: 'uint8', scale: 0.5, min: -1} as const;
    const weights = [{name: 'w', shape: [3], dtype: 'float32', quantization}];
    const model = {modelTopology: {}, weightsManifest: [{paths: ['q'], weights}]};
    fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify(model));
    fs.writeFileSync(path.join(folder, 'q'), new Uint8Array([0, 2, 4]));
    const {weightData, weightSpecs} = await rbn.io.fileSystem(folder).load!();
    assert.deepEqual([...tfc.io.decodeWeights(weightData!, weightSpecs!).w.dataSync()], [-1, 0, 1]);
  });

  it('replaces a model that is there, and leaves the old one whole when it can not', async () => {
    await saved();
    const second = await saved();
    assert.deepEqual(weightsOf(await tfl.loadLayersModel(rbn.io.fileSystem(folder))), weightsOf(second));
    const json = fs.readFileSync(path.join(folder, 'model.json'));
    const broken = {modelTopology: {toJSON: () => { throw new Error('no JSON of this'); }}};
    await assert.rejects(rbn.io.fileSystem(folder).save!(broken), /no JSON of this/);
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.json')), json);
    assert.deepEqual(fs.readdirSync(folder).sort(), ['model.json', 'weights.bin']);
  });

  describe('leaves the old model whole', () => {
    // Whatever step fails before the first rename; what a failed save has written is taken away again.
    const steps: [what: string, name: 'open' | 'rename', call: number][] =
        [['no file can be made', 'open', 0], ['the second can not', 'open', 1], ['none can be renamed', 'rename', 0]];
    for (const [what, name, failing] of steps) {
      it(`where ${what}`, async () => {
        await saved();
        const names = ['model.json', 'weights.bin'];
        const before = names.map((file) => fs.readFileSync(path.join(folder, file)));
        const original = fs.promises[name] as (...args: unknown[]) => unknown;
        let calls = 0;
        const broken = (...args: unknown[]) => {
          if (calls++ === failing) throw new Error('no space left');
          return original(...args);
        };
        Object.assign(fs.promises, {[name]: broken});
        try {
          await assert.rejects(saved(), /no space left/);
        } finally {
          Object.assign(fs.promises, {[name]: original});
        }
        assert.deepEqual(fs.readdirSync(folder).sort(), names);
        assert.deepEqual(names.map((file) => fs.readFileSync(path.join(folder, file))), before);
      });
    }

    it('and one of two, where both are saved at a time', async () => {
      const models = [makeModel(), makeModel()];
      await Promise.all(models.map(saved));
      assert.deepEqual(fs.readdirSync(folder).sort(), ['model.json', 'weights.bin']);
      const loaded = weightsOf(await tfl.loadLayersModel(rbn.io.fileSystem(folder)));
      assert.ok(models.some((model) => isDeepStrictEqual(weightsOf(model), loaded)));
    });
  });

  describe('says', () => {
    const load = () => rbn.io.fileSystem(folder).load!();
    it('which file is missing', async () => {
      await assert.rejects(load(), {message: `${path.join(folder, 'model.json')}: expected the model: no such file`});
      const nowhere = path.join(folder, 'nowhere');
      await assert.rejects(
          rbn.io.fileSystem(nowhere).load!(), {message: `${nowhere}: expected the model: no such file`});
      await saved();
      fs.rmSync(path.join(folder, 'weights.bin'));
      await assert.rejects(load(), {message: `${path.join(folder, 'weights.bin')}: expected weights: no such file`});
    });
    it('which file is no JSON, and which is no model', async () => {
      fs.writeFileSync(path.join(folder, 'model.json'), '{"modelTopology":');
      await assert.rejects(load(), /model\.json: expected JSON: /);
      for (const text of ['{}', 'null', '3', '[]']) {
        fs.writeFileSync(path.join(folder, 'model.json'), text);
        await assert.rejects(load(), /model\.json: expected a model with modelTopology or weightsManifest/);
      }
    });
    it('which weights are too short or too long', async () => {
      await saved();
      const file = path.join(folder, 'weights.bin');
      const bytes = fs.readFileSync(file);
      for (const wrong of [bytes.subarray(4), Buffer.concat([bytes, bytes])]) {
        fs.writeFileSync(file, wrong);
        await assert.rejects(
            load(), {message: `${file}: expected ${bytes.length} bytes of weights, received ${wrong.length}`});
      }
    });
    it('that a manifest is none, and a folder no folder', async () => {
      const file = path.join(folder, 'model.json');
      for (const weightsManifest of [5, [{}]]) {
        fs.writeFileSync(file, JSON.stringify({modelTopology: {}, weightsManifest}));
        await assert.rejects(rbn.io.fileSystem(folder).load!(), /model\.json: expected weightsManifest as a list/);
      }
      for (const file of ['../weights.bin', '../../etc/passwd', 'x/../../y']) {
        fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify({modelTopology: {}, weightsManifest: [{paths: [file], weights: []}]}));
        await assert.rejects(rbn.io.fileSystem(folder).load!(), {message: new RegExp(`expected weights in its own folder or below, received the path '${file}'`)});
      }
      const below = rbn.io.fileSystem(path.join(file, 'x'));
      await assert.rejects(makeModel().save(below), /expected a folder, or to create one/);
    });

    it('that a path is no path', () => {
      assert.throws(() => rbn.io.fileSystem(''),
          {name: 'TypeError', message: /^location: expected .* received an empty string/});
      assert.throws(() => rbn.io.fileSystem(5 as unknown as string), {name: 'TypeError', message: /received number/});
      assert.throws(() => rbn.io.fileSystem(null as unknown as string), {name: 'TypeError', message: /received null/});
    });
  });
});
