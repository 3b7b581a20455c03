// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The parts of `train`: the data and its split, the network, the clock round normalization layers, the saved model,
// the verdict, the report.
import * as assert from 'node:assert/strict';
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import 'tfjs-rbn';
import {replaceConv2DBackpropFilter} from '#dist/train/conv2d_backprop_filter';
import {loadDigits} from '#dist/train/digits';
import {loadIdx} from '#dist/train/idx';
import {ImageSize, Part} from '#dist/train/images';
import {buildNetwork, Norm, normLayers, parameterCount} from '#dist/train/network';
import {NormClock} from '#dist/train/norm_clock';
import {runAll} from '#dist/train/pool';
import {permutation, randomNumbers} from '#dist/train/random';
import {reportPage} from '#dist/train/report';
import {EpochResult, RunConfig, RunResult, trainRun} from '#dist/train/run';
import {mean, median, standardDeviation} from '#dist/train/statistics';
import {wallStopwatch} from '#dist/train/stopwatch';
import {runConfigs} from '#dist/train/train';
import {DEFAULTS, judge, Summary, TrainOptions} from '#dist/train/verdict';

const CPU = {name: 'cpu'} as const;
const OPTIONS: TrainOptions = {backend: CPU, norms: ['rbn', 'bn'], ...DEFAULTS, images: {train: 1437, test: 360}, jobs: 2, out: 'anywhere'};

const SIZE: ImageSize = {height: 8, width: 8, classes: 10};
const PIXELS = SIZE.height * SIZE.width, CLASSES = SIZE.classes;

before(() => tf.setBackend('cpu'));

describe('digits', () => {
  const {train, test} = loadDigits();

  it('are split into 1,437 and 360', () => {
    assert.deepEqual([train.count, test.count], [1437, 360]);
    for (const part of [train, test]) {
      assert.equal(part.images.length, part.count * PIXELS);
      assert.equal(part.labels.length, part.count * CLASSES);
    }
  });

  it('hold values from 0 to 1 and one label each, every digit in both parts', () => {
    for (const part of [train, test]) {
      assert.ok(part.images.every(v => v >= 0 && v <= 1));
      assert.equal(Math.max(...part.images), 1);
      const perDigit = Array.from(
          {length: CLASSES}, (_, d) => part.labels.filter((v, i) => i % CLASSES === d && v === 1).length);
      assert.equal(perDigit.reduce((a, b) => a + b), part.count);
      assert.equal(part.labels.reduce((a, b) => a + b), part.count);
      assert.ok(perDigit.every(n => n > 0.07 * part.count), `${perDigit}`);
    }
  });

  it('has no test image among the training images', () => {
    const keys = (part: Part) => Array.from(
        {length: part.count}, (_, i) => part.images.subarray(i * PIXELS, (i + 1) * PIXELS).join());
    const training = new Set(keys(train));
    assert.deepEqual(keys(test).filter(key => training.has(key)), []);
  });

  it('names the file that is not what it expects', () => {
    assert.throws(() => loadDigits(join(__dirname, 'missing.csv.gz')), /missing\.csv\.gz/);
  });
});

describe('a folder of images', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-rbn-idx-'));
  after(() => rmSync(folder, {recursive: true}));
  const FILES = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte.gz'];
  const idx = (sizes: number[], values: number[]) => {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    header.writeUInt32BE(0x800 + sizes.length);
    sizes.forEach((size, d) => header.writeUInt32BE(size, 4 + 4 * d));
    return Buffer.concat([header, Buffer.from(values)]);
  };
  const GOOD = [idx([3, 1, 2], [0, 255, 51, 102, 153, 204]), idx([3], [1, 0, 3]), idx([1, 1, 2], [255, 0]), gzipSync(idx([1], [2]))];
  const write = (contents: Buffer[]) => contents.forEach((content, i) => writeFileSync(join(folder, FILES[i]), content));

  it('is read, gzipped or not', () => {
    write(GOOD);
    const {train, test, ...size} = loadIdx(folder);
    assert.deepEqual(size, {height: 1, width: 2, classes: 4});
    const values = ({count, images, labels}: Part) => ({count, images: Array.from(images, v => Math.round(v * 255)), labels: Array.from(labels)});
    assert.deepEqual(values(train), {count: 3, images: [0, 255, 51, 102, 153, 204], labels: [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]});
    assert.deepEqual(values(test), {count: 1, images: [255, 0], labels: [0, 0, 1, 0]});
    assert.equal(train.images[3], Math.fround(0.4));
  });

  it('is refused where a file is missing or not as expected', () => {
    const bad: [file: number, content: Buffer, message: RegExp][] = [
      [0, idx([3], [1, 2, 3]), /train-images-idx3-ubyte: expected an IDX file of bytes, of rank 3/],
      [0, Buffer.alloc(2), /expected an IDX file/],
      [0, idx([3, 1, 2], [1, 2, 3]), /as many as its sizes 3×1×2 say, received 3/],
      [0, idx([0, 1, 2], []), /expected at least one value/],
      [1, idx([2], [1, 2]), /train-labels-idx1-ubyte: expected 3 labels, one an image, received 2/],
      [2, idx([1, 2, 1], [1, 2]), /t10k-images-idx3-ubyte: expected images of 1×2, received 2×1/],
      [3, idx([1], [1]), /t10k-labels-idx1-ubyte\.gz: incorrect header check/],
    ];
    for (const [file, content, message] of bad) {
      write(GOOD.map((good, i) => i === file ? content : good));
      assert.throws(() => loadIdx(folder), message);
    }
    rmSync(join(folder, FILES[1]));
    assert.throws(() => loadIdx(folder), /expected a file train-labels-idx1-ubyte or train-labels-idx1-ubyte\.gz in it/);
  });

  it('is what the network learns', async () => {
    const bright = (n: number) => Array.from({length: n}, (_, i) => i % 2);
    const images = (n: number) => idx([n, 5, 6], bright(n).flatMap(label => Array.from({length: 30}, (_, i) => label * 200 + i)));
    write([images(40), idx([40], bright(40)), images(10), gzipSync(idx([10], bright(10)))]);
    const {epochs} = await trainRun({
      backend: CPU, data: folder, norm: 'rbn', seed: 1, epochs: 6, batchSize: 8, learningRate: 0.1, width: 2, modelDirectory: join(folder, 'model'),
    }, () => {});
    assert.equal(epochs[6].testAccuracy, 1);
  });
});

describe('random numbers', () => {
  it('come again with the same seed', () => {
    const [a, b, c] = [5, 5, 6].map(seed => permutation(100, randomNumbers(seed)).join());
    assert.equal(a, b);
    assert.notEqual(a, c);
  });

  it('are uniform in [0, 1), and a permutation holds each index once', () => {
    const random = randomNumbers(1);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10000; ++i) counts[Math.floor(random() * 10)]++;
    // 1,000 expected in each, standard deviation 30.
    assert.ok(counts.every(n => Math.abs(n - 1000) < 150), `${counts}`);
    assert.deepEqual([...permutation(50, random)].sort((x, y) => x - y), Array.from({length: 50}, (_, i) => i));
  });
});

describe('the network', () => {
  const weightsOf = (norm: Norm, seed: number) => {
    const model = buildNetwork(norm, SIZE, 4, seed);
    const values = model.layers.filter(l => ['Conv2D', 'Dense'].includes(l.getClassName()))
                       .map(l => l.getWeights().map(w => [...w.dataSync()]));
    const count = parameterCount(model), norms = normLayers(model).length;
    model.dispose();
    return {values, count, norms};
  };

  it('starts from the same weights for both normalizations, and from others for another seed', () => {
    const [rbn, bn, other] = [weightsOf('rbn', 1), weightsOf('bn', 1), weightsOf('bn', 2)];
    assert.deepEqual(rbn.values, bn.values);
    assert.notDeepEqual(bn.values[0], other.values[0]);
    assert.equal(rbn.norms, bn.norms);
  });

  it('has three more parameters a channel with RBN', () => {
    // Width 4: the stem 4, blocks of 4, 8 and 16 channels with two layers each, shortcuts of 8 and 16.
    const channels = 4 + 2 * (4 + 8 + 16) + 8 + 16;
    assert.equal(weightsOf('rbn', 1).count - weightsOf('bn', 1).count, 3 * channels);
  });
});

describe('the clock round normalization layers', () => {
  /** Waits in its forward and in its backward pass. */
  class Waiting extends tfl.layers.Layer {
    static className = 'Waiting';
    constructor(private readonly forwardMs: number, private readonly backwardMs: number) { super({}); }
    override computeOutputShape(shape: tfl.Shape): tfl.Shape { return shape; }
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const wait = (ms: number) => {
        const end = performance.now() + ms;
        while (performance.now() < end);
      };
      return tf.customGrad(x => {
        wait(this.forwardMs);
        return {value: tf.mul(x as tf.Tensor, 2), gradFunc: (dy: tf.Tensor) => {
          wait(this.backwardMs);
          return tf.mul(dy, 2);
        }};
      })(Array.isArray(inputs) ? inputs[0] : inputs);
    }
  }

  const dense = () => tfl.layers.dense({units: 3, kernelInitializer: tfl.initializers.glorotNormal({seed: 1})});

  it('counts forward and backward of watched layers and nothing else', async () => {
    const watched = [new Waiting(10, 20), new Waiting(5, 15)];
    const model = tfl.sequential({layers: [
      tfl.layers.inputLayer({inputShape: [2]}),
      dense(), watched[0], dense(), new Waiting(200, 200), watched[1], dense(),
    ]});
    model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
    const clock = new NormClock(wallStopwatch);
    watched.forEach(layer => clock.watch(layer));
    const [x, y] = [tf.ones([4, 2]), tf.ones([4, 3])];
    await model.trainOnBatch(x, y);
    const first = clock.take();
    // 50 ms are waited inside; the rest is the cost of a few tiny ops. The 200 ms outside, twice, must not show.
    assert.ok(first >= 50 && first < 200, `${first} ms`);
    assert.equal(clock.take(), 0);
    model.dispose();
    tf.dispose([x, y]);
  });

  it('changes neither outputs nor gradients', () => {
    const gradients = (watch: boolean) => tf.tidy(() => {
      const layer = tfl.layers.batchNormalization({});
      layer.build([null, 3]);
      if (watch) new NormClock(wallStopwatch).watch(layer);
      const x = tf.tensor2d([[1, 2, 3], [4, 6, 9], [-1, 0, 5]]);
      const f = (v: tf.Tensor) => tf.sum(tf.pow(layer.call(v, {training: true}) as tf.Tensor, 3));
      const {value, grad} = tf.valueAndGrad(f)(x);
      return [...value.dataSync(), ...grad.dataSync()];
    });
    assert.deepEqual(gradients(true), gradients(false));
  });
});

describe('one training run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tfjs-rbn-train-'));
  const restore: (() => void)[] = [];
  before(() => restore.push(replaceConv2DBackpropFilter()));
  after(() => {
    restore.forEach(f => f());
    rmSync(directory, {recursive: true});
  });

  const run = (norm: Norm, name: string) => trainRun({
    backend: CPU, data: null, norm, seed: 1, epochs: 1, batchSize: 32, learningRate: 0.1, width: 2,
    modelDirectory: join(directory, name),
  }, () => {});

  for (const norm of ['rbn', 'bn'] as const) {
    it(`learns with ${norm}, comes out the same twice, and saves what it learned`, async () => {
      const [a, b] = [await run(norm, `${norm}-a`), await run(norm, `${norm}-b`)];
      assert.deepEqual(a.epochs, b.epochs);
      assert.deepEqual(a.stepLosses, b.stepLosses);
      assert.equal(a.stepLosses.length, Math.ceil(1437 / 32));
      const [first, last] = [mean(a.stepLosses.slice(0, 5)), mean(a.stepLosses.slice(-5))];
      assert.ok(last < 0.7 * first, `${first} → ${last}`);
      assert.ok(a.normMilliseconds > 0 && a.normMilliseconds < a.stepMilliseconds);
      assert.equal(a.reloadedAccuracy, a.epochs[1].testAccuracy);
    }).timeout(60000);
  }

  it('says so when the loss is no number any more', async () => {
    await assert.rejects(trainRun({
      backend: CPU, data: null, norm: 'bn', seed: 1, epochs: 1, batchSize: 64, learningRate: 1e38, width: 2,
      modelDirectory: join(directory, 'diverged'),
    }, () => {}), /the loss became .* smaller --lr/);
  });
});

describe('runs in child processes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tfjs-rbn-pool-'));
  after(() => rmSync(directory, {recursive: true}));
  // One step over all images, on the narrowest network.
  const config = (seed: number, modelDirectory: string): RunConfig => (
    {backend: CPU, data: null, norm: 'rbn', seed, epochs: 1, batchSize: 1437, learningRate: 0.1, width: 1, modelDirectory});

  it('come back in order, with progress from each', async () => {
    const configs = [1, 2, 3].map(seed => config(seed, join(directory, `${seed}`)));
    const epochs = new Map<number, number[]>();
    const results = await runAll(configs, 2, ({seed}, {epoch}) => {
      if (epoch !== null) epochs.set(seed, [...epochs.get(seed) ?? [], epoch.epoch]);
    });
    assert.deepEqual(results.map(r => r.seed), [1, 2, 3]);
    assert.deepEqual(epochs, new Map([[1, [0, 1]], [2, [0, 1]], [3, [0, 1]]]));
  }).timeout(60000);

  it('end with the first that fails, whose name the error says', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const endless = {...config(2, join(directory, 'endless')), epochs: 10000};
    await assert.rejects(runAll([config(1, join(file, 'model')), endless], 2, () => {}),
        /^Error: training rbn with seed 1: .*file/);
    assert.equal(existsSync(endless.modelDirectory), false);
  }).timeout(60000);
});

describe('the verdict', () => {
  const summary = (norm: Norm, accuracy: number) => ({norm, accuracy}) as Summary;

  it('is good for accuracy and time as promised', () => {
    assert.deepEqual(judge(OPTIONS, [summary('rbn', 0.95), summary('bn', 0.97)], 180), {missed: [], notAsked: []});
  });

  it('names each figure that was missed', () => {
    const {missed} = judge(OPTIONS, [summary('rbn', 0.9499), summary('bn', 0.97)], 181);
    assert.equal(missed.length, 2);
    assert.match(missed[0], /accuracy of rbn: expected at least 0\.95, reached 0\.9499/);
    assert.match(missed[1], /time: expected at most 180 s, took 181 s/);
  });

  it('is not given on a size that was changed, nor on time with one process', () => {
    const low = [summary('rbn', 0.1)];
    const changed = judge({...OPTIONS, epochs: 1}, low, 1000);
    assert.deepEqual(changed.missed, []);
    assert.match(changed.notAsked[0], /default size only \(changed: epochs\)/);
    const alone = judge({...OPTIONS, jobs: 1}, low, 1000);
    assert.equal(alone.missed.length, 1);
    assert.match(alone.notAsked[0], /2 processes/);
    // One run at a time is all that a GPU is asked for, and nothing of the simulator's time.
    const onCuda = (engine: 'cuda' | 'simulator') =>
      judge({...OPTIONS, jobs: 1, backend: {name: 'cuda', engine}}, [summary('rbn', 0.95)], 181);
    assert.match(onCuda('cuda').missed[0], /took 181 s/);
    assert.deepEqual(onCuda('simulator').missed, []);
    assert.match(onCuda('simulator').notAsked[0], /the simulator is none/);
  });
});

describe('the report', () => {
  const epochs: EpochResult[] = [
    {epoch: 0, trainLoss: null, testLoss: 2.3, testAccuracy: 0.1},
    {epoch: 1, trainLoss: 0.5, testLoss: 0.2, testAccuracy: 0.96},
  ];
  const run = (norm: Norm, seed: number): RunResult => ({
    norm, seed, epochs, stepLosses: [2.3, 1, 0.5], parameters: 1234, stepMilliseconds: 40, normMilliseconds: 10,
    modelDirectory: `anywhere/models/${norm}-seed${seed}`, reloadedAccuracy: 0.96,
  });
  const summary = (norm: Norm): Summary => (
    {norm, runs: [run(norm, 1), run(norm, 2)], accuracy: 0.96, spread: 0, parameters: 1234, stepMilliseconds: 40,
     normShare: 0.25});
  const page = reportPage({
    options: OPTIONS, summaries: [summary('rbn'), summary('bn')], seconds: 70, missed: ['a < b'], notAsked: [],
    report: 'anywhere/report.html',
  }, 'tfjs-rbn train --out "<x>"');

  it('is one file: it loads nothing', () => {
    assert.doesNotMatch(page, /(src|href)=|@import|url\(|https?:/);
  });

  it('escapes what it is given', () => {
    assert.match(page, /a &lt; b/);
    assert.match(page, /--out &quot;&lt;x&gt;&quot;/);
  });

  it('draws a line for each run, inside the picture', () => {
    const lines = [...page.matchAll(/<polyline points="([^"]*)"/g)]
        .map(m => m[1].split(' ').map(p => p.split(',').map(Number)));
    assert.equal(lines.length, 3 * 4); // three charts, two seeds of two normalizations
    assert.deepEqual(lines.map(l => l.length).sort(), [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    for (const [x, y] of lines.flat()) assert.ok(x >= 0 && x <= 520 && y >= 0 && y <= 300, `${x}, ${y}`);
  });

  it('shows accuracy, parameters, milliseconds and their share', () => {
    const figures = ['96.00 %', '1,234 parameters', '40.0 ms a step', '25 % of it in normalization'];
    for (const text of [...figures, 'models/rbn-seed2']) {
      assert.ok(page.includes(text), text);
    }
  });
});

describe('statistics', () => {
  it('are those of a sample', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(standardDeviation([1, 2, 3]), 1);
  });
});

describe('the runs', () => {
  it('are one for each normalization and seed, each with a folder of its own', () => {
    const configs = runConfigs(OPTIONS);
    assert.equal(configs.length, 6);
    assert.equal(new Set(configs.map(c => c.modelDirectory)).size, 6);
    assert.deepEqual(configs.map(c => `${c.norm}${c.seed}`), ['bn1', 'bn2', 'bn3', 'rbn1', 'rbn2', 'rbn3']);
  });
});
