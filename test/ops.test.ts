// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two ops as a user calls them, on tfjs's `cpu` backend: values, gradients, bad arguments, tensors left
// behind.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import assert from 'node:assert/strict';
import * as rbn from 'tfjs-rbn';

import {checkScenario, nameOf, SCENARIOS} from './support/scenarios';

const C = 3;

/** A tensor of any shape and dtype whose data does not exist. */
function phantom(shape: number[], dtype: tf.DataType = 'float32'): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo({dataId: {}, shape, dtype}, tf.backend());
}

function params(channels = C): Required<Record<keyof rbn.RbnParams, tf.Tensor1D>> {
  return {
    gamma: tf.ones([channels]), beta: tf.zeros([channels]), centerWeight: tf.zeros([channels]),
    scaleWeight: tf.zeros([channels]), scaleBias: tf.ones([channels]),
  };
}

describe('ops on cpu', () => {
  before(() => tf.setBackend('cpu'));
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe('equal the definition, and their gradients its central differences', () => {
    // float32 rounding of values near 1 and of sums of both signs: 8e-7 is reached.
    for (const scenario of SCENARIOS) it(nameOf(scenario), () => checkScenario(scenario, 2e-6));
  });

  it('take arrays as tfjs ops do', () => {
    const x = [[1, 2], [3, 5]];
    const vectors = {centerWeight: [0.5, -1], scaleWeight: new Float32Array([1, 2]), scaleBias: [0, 1]};
    const tensors = {
      centerWeight: tf.tensor1d([0.5, -1]), scaleWeight: tf.tensor1d([1, 2]), scaleBias: tf.tensor1d([0, 1]),
    };
    const expected = rbn.representativeBatchNormTraining(tf.tensor2d(x), tensors);
    const actual = rbn.representativeBatchNormTraining(x, vectors);
    assert.deepEqual(actual.output.dataSync(), expected.output.dataSync());
    const frozen = rbn.representativeBatchNorm(x, vectors, {mean: [0, 1], variance: [1, 2]});
    const given = {mean: tf.tensor1d([0, 1]), variance: tf.tensor1d([1, 2])};
    assert.deepEqual(
        frozen.dataSync(), rbn.representativeBatchNorm(tf.tensor2d(x), tensors, given).dataSync());
  });

  it('read tensors cast to float32, whose values tfjs keeps in the array of the old type', () => {
    const x = tf.tensor2d([[1, 0, 1], [0, 0, 1]], [2, 3], 'int32');
    const bits = tf.tensor1d([true, false, true], 'bool');
    const run = (x: tf.Tensor, scaleBias: tf.Tensor1D) =>
        rbn.representativeBatchNormTraining(x, {...params(), scaleBias}).output.dataSync();
    assert.deepEqual(
        run(tf.cast(x, 'float32'), tf.cast(bits, 'float32')),
        run(tf.tensor2d([1, 0, 1, 0, 0, 1], [2, 3]), tf.tensor1d([1, 0, 1])));
  });

  it('default to epsilon 1e-3, the last axis, no activation, gamma 1 and beta 0', () => {
    const x = tf.randomNormal([4, 2, C]);
    const {gamma, beta, ...rest} = params();
    const written = rbn.representativeBatchNormTraining(
        x, {gamma, beta, ...rest}, {epsilon: 1e-3, axis: 2, activation: 'linear', residual: undefined});
    assert.deepEqual(rbn.representativeBatchNormTraining(x, rest).output.dataSync(), written.output.dataSync());
  });

  it('keep a NaN through the ReLU', () => {
    const x = tf.tensor2d([NaN, 1, 2, 3, 4, 5], [2, 3]);
    const given = {mean: tf.zeros([C]) as tf.Tensor1D, variance: tf.ones([C]) as tf.Tensor1D};
    const y = rbn.representativeBatchNorm(x, params(), {...given, activation: 'relu'}).dataSync();
    assert.ok(Number.isNaN(y[0]) && y.slice(1).every((value) => value > 0));
  });

  describe('with nothing in the batch', () => {
    for (const shape of [[0, C], [0, 4, C], [2, 0, C], [0, 2, 2, C], [0, 2, C, 2]]) {
      const axis = shape.lastIndexOf(C);
      it(`[${shape}]: an empty output and zero gradients with given statistics, a RangeError in training`, () => {
        const x = tf.zeros(shape), residual = tf.zeros(shape);
        const given = {mean: tf.zeros([C]) as tf.Tensor1D, variance: tf.ones([C]) as tf.Tensor1D};
        const {gamma, beta, centerWeight, scaleWeight, scaleBias} = params();
        const f = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, centerWeight: tf.Tensor,
                   scaleWeight: tf.Tensor, scaleBias: tf.Tensor, residual: tf.Tensor) => {
          const p = {gamma, beta, centerWeight, scaleWeight, scaleBias} as rbn.RbnParams;
          return rbn.representativeBatchNorm(x, p, {...given, axis, activation: 'relu', residual});
        };
        const xs = [x, gamma, beta, centerWeight, scaleWeight, scaleBias, residual];
        const {value, grads} = tf.valueAndGrads(f as (...args: tf.Tensor[]) => tf.Tensor)(xs);
        assert.deepEqual(value.shape, shape);
        grads.forEach((grad, i) => {
          assert.deepEqual(grad.shape, xs[i].shape);
          assert.ok(grad.dataSync().every((element) => element === 0));
        });
        assert.throws(() => rbn.representativeBatchNormTraining(x, params(), {axis}),
                      {name: 'RangeError', message: /^x: expected at least 2 values per channel .*received 0/});
      });
    }
  });

  it('without channels has no values a channel', () => {
    const none = tf.zeros([0]) as tf.Tensor1D, x = tf.zeros([2, 4, 0]);
    assert.throws(() => rbn.representativeBatchNormTraining(x, {centerWeight: none, scaleWeight: none, scaleBias: none}),
                  {name: 'RangeError', message: /^x: expected at least 2 values per channel .*received 0 /});
    tf.dispose([none, x]);
  });

  describe('refuse', () => {
    const given = () => ({mean: tf.zeros([C]) as tf.Tensor1D, variance: tf.ones([C]) as tf.Tensor1D});
    const frozen = (x: unknown, p: unknown = params(), options: object = {}) => {
      const all = {...given(), ...options};
      return () => rbn.representativeBatchNorm(x as tf.Tensor, p as rbn.RbnParams, all);
    };
    const training = (x: unknown, p: unknown = params(), options?: unknown) => () =>
        rbn.representativeBatchNormTraining(x as tf.Tensor, p as rbn.RbnParams, options as rbn.RbnOptions);
    const x = () => tf.zeros([4, 2, C]);
    const disposed = (t: tf.Tensor) => {
      t.dispose();
      return t;
    };
    const cases: [string, () => () => unknown, string, RegExp][] = [
      ['rank 1', () => training(tf.zeros([3])), 'RangeError', /^x: expected rank 2 to 5, received rank 1/],
      ['rank 6', () => frozen(tf.zeros([2, 1, 1, 1, 1, C])), 'RangeError', /^x: expected rank 2 to 5, received rank 6/],
      ['x of dtype int32', () => frozen(tf.zeros([2, C], 'int32')), 'TypeError',
        /^x: expected dtype float32, received int32/],
      ['x that is no tensor', () => frozen({}), 'TypeError',
        /^x: expected a Tensor or an array of numbers, received Object/],
      ['x that is null', () => frozen(null), 'TypeError', /^x: expected a Tensor .*received null/],
      ['x that is left out', () => training(undefined), 'TypeError', /^x: expected a Tensor .*received undefined/],
      ['x of strings', () => frozen([['a', 'b', 'c']]), 'TypeError',
        /^x\[0\]\[0\]: expected a number, received string/],
      ['x with a hole', () => frozen([[1, 2, 3], [4, undefined, 6]]), 'TypeError',
        /^x\[1\]\[1\]: expected a number, received undefined/],
      ['x that is disposed', () => frozen(disposed(x())), 'Error',
        /^x: expected a live tensor, received a disposed one/],
      ['x with more elements than 32 bits count', () => frozen(phantom([65536, 32768, 1]), params(1)),
        'RangeError', /^x: expected at most 2147483647 elements, received 2147483648/],
      ['params that are left out', () => frozen(x(), null), 'TypeError',
        /^params: expected an object with gamma, .*received null/],
      ['options that are no object', () => training(x(), params(), 5), 'TypeError',
        /^options: expected an object .*number 5/],
      ['an unknown parameter', () => training(x(), {...params(), centreWeight: tf.zeros([C])}), 'TypeError',
        /^params: expected only gamma, beta, centerWeight, scaleWeight and scaleBias, received 'centreWeight'/],
      ['an unknown option', () => frozen(x(), params(), {epsilonn: 1}), 'TypeError',
        /^options: expected only mean, variance, epsilon, axis, activation and residual, received 'epsilonn'/],
      ['given statistics in training', () => training(x(), params(), given()), 'TypeError',
        /^options: expected only epsilon, axis, activation and residual, received 'mean'/],
      ['axis 0', () => frozen(x(), params(), {axis: 0}), 'RangeError', /^axis: expected .*from 1 to 2 .*received 0/],
      ['axis −rank', () => frozen(x(), params(), {axis: -3}), 'RangeError', /^axis: .*received -3/],
      ['an axis past the end', () => training(x(), params(), {axis: 3}), 'RangeError', /^axis: .*received 3/],
      ['an axis between axes', () => training(x(), params(), {axis: 1.5}), 'RangeError', /^axis: .*received 1.5/],
      ['an axis NaN', () => training(x(), params(), {axis: NaN}), 'RangeError', /^axis: .*received NaN/],
      ['an axis of another kind', () => training(x(), params(), {axis: '1'}), 'TypeError',
        /^axis: expected a number, received string/],
      ['epsilon 0', () => frozen(x(), params(), {epsilon: 0}), 'RangeError',
        /^epsilon: expected a finite number above 0 .*received 0/],
      ['an epsilon that is 0 as float32', () => frozen(x(), params(), {epsilon: 1e-50}), 'RangeError',
        /^epsilon: .*received 1e-50/],
      ['epsilon below 0', () => training(x(), params(), {epsilon: -1}), 'RangeError', /^epsilon: .*received -1/],
      ['epsilon NaN', () => training(x(), params(), {epsilon: NaN}), 'RangeError', /^epsilon: .*received NaN/],
      ['an infinite epsilon', () => training(x(), params(), {epsilon: Infinity}), 'RangeError',
        /^epsilon: .*received Infinity/],
      ['epsilon of another kind', () => training(x(), params(), {epsilon: '1'}), 'TypeError',
        /^epsilon: expected a number, received string/],
      ['another activation', () => training(x(), params(), {activation: 'gelu'}), 'TypeError',
        /^activation: expected 'linear' or 'relu', received 'gelu'/],
      ['a residual of another shape', () => training(x(), params(), {residual: tf.zeros([4, C, 2])}), 'RangeError',
        /^residual: expected the shape of x, \[4,2,3\], received \[4,3,2\]/],
      ['a residual of another dtype',
        () => training(x(), params(), {residual: tf.zeros([4, 2, C], 'int32')}), 'TypeError',
        /^residual: expected dtype float32, received int32/],
      ['a disposed residual', () => frozen(x(), params(), {residual: disposed(x())}), 'Error', /^residual: .*disposed/],
      ['one value per channel', () => training(tf.zeros([1, 1, 1, C])), 'RangeError',
        /^x: expected at least 2 values per channel .*received 1/],
      ['one value per channel on axis 1', () => training(tf.zeros([1, C, 1]), params(), {axis: 1}), 'RangeError',
        /^x: .*received 1/],
      ['no mean', () => frozen(x(), params(), {mean: undefined}), 'TypeError',
        /^mean: expected a Tensor .*received undefined/],
      ['no variance', () => frozen(x(), params(), {variance: null}), 'TypeError',
        /^variance: expected a Tensor .*received null/],
      ['a mean of another shape', () => frozen(x(), params(), {mean: tf.zeros([4])}), 'RangeError',
        /^mean: expected shape \[3\], received \[4\]/],
    ];
    for (const name of ['gamma', 'beta', 'centerWeight', 'scaleWeight', 'scaleBias'] as const) {
      cases.push(
          [`${name} of another length`, () => training(x(), {...params(), [name]: tf.zeros([C + 1])}), 'RangeError',
            new RegExp(`^${name}: expected shape \\[3\\], received \\[4\\]`)],
          [`${name} of rank 2`, () => frozen(x(), {...params(), [name]: tf.zeros([1, C])}), 'RangeError',
            new RegExp(`^${name}: expected shape \\[3\\], received \\[1,3\\]`)],
          [`${name} of dtype int32`, () => frozen(x(), {...params(), [name]: tf.zeros([C], 'int32')}), 'TypeError',
            new RegExp(`^${name}: expected dtype float32, received int32`)],
          [`a disposed ${name}`, () => training(x(), {...params(), [name]: disposed(tf.zeros([C]))}), 'Error',
            new RegExp(`^${name}: expected a live tensor`)]);
    }
    for (const name of ['centerWeight', 'scaleWeight', 'scaleBias'] as const) {
      cases.push([`${name} left out`, () => training(x(), {...params(), [name]: undefined}), 'TypeError',
        new RegExp(`^${name}: expected a Tensor or an array of numbers, received undefined`)]);
    }
    for (const [what, prepare, name, message] of cases) {
      it(what, () => {
        const call = prepare();
        const before = tf.memory().numTensors;
        assert.throws(call, {name, message});
        assert.equal(tf.memory().numTensors, before);
      });
    }

    it('the gradient of given statistics, and free what the tape saved', () => {
      const value = x();
      const p = params();
      for (const name of ['mean', 'variance'] as const) {
        const statistic = tf.ones([C]);
        const f = (statistic: tf.Tensor) =>
            rbn.representativeBatchNorm(value, p, {...given(), [name]: statistic, activation: 'relu'});
        const before = tf.memory().numTensors;
        assert.throws(() => tf.grad(f)(statistic), {
          name: 'Error',
          message: new RegExp(`^${name}: given statistics have no gradient; use representativeBatchNormTraining`),
        });
        assert.equal(tf.memory().numTensors, before);
        f(statistic).dataSync(); // and goes on
        tf.grad((x) => rbn.representativeBatchNorm(x, p, given()))(value).dataSync();
      }
    });
  });

  describe('and gradients', () => {
    it('through tf.variableGrads, for variables only', () => {
      const scaleWeight = tf.variable(tf.ones([C]), true, undefined);
      const x = tf.randomNormal([4, 2, C], 0, 1, 'float32', 1);
      const moving = tf.variable(tf.zeros([C]), false);
      const {grads} = tf.variableGrads(() => {
        const p = {...params(), scaleWeight: scaleWeight as unknown as tf.Tensor1D};
        const {output, mean} = rbn.representativeBatchNormTraining(x, p);
        moving.assign(mean);
        return tf.sum(tf.square(output)) as tf.Scalar;
      });
      assert.deepEqual(Object.keys(grads), [scaleWeight.name]);
      assert.ok(grads[scaleWeight.name].dataSync().some((value) => value !== 0));
      scaleWeight.dispose();
      moving.dispose();
    });

    it('carry none through the returned mean and variance', () => {
      const p = params();
      const x = tf.randomNormal([4, 2, C], 0, 1, 'float32', 1);
      const parts = (...names: ('output' | 'mean' | 'variance')[]) => tf.grad((x: tf.Tensor) => {
        const result = rbn.representativeBatchNormTraining(x, p);
        return tf.addN(names.map((name) => tf.sum(tf.square(result[name]))));
      })(x).dataSync();
      assert.deepEqual(parts('output', 'mean', 'variance'), parts('output'));
      assert.ok(parts('mean').every((value) => value === 0));
    });

    it('add up over two uses of one tensor, as input and as residual', () => {
      const x = tf.randomNormal([4, 2, C], 0, 1, 'float32', 1), p = params(), other = tf.clone(x);
      const f = (x: tf.Tensor, residual: tf.Tensor) => rbn.representativeBatchNormTraining(x, p, {residual}).output;
      const [dx, dresidual] = tf.grads(f)([x, other]);
      assert.ok(dresidual.dataSync().every((value) => value === 1), 'the gradient of y itself');
      const both = tf.grad((x) => f(x, x))(x);
      const difference = tf.max(tf.abs(tf.sub(both, tf.add(dx, dresidual)))).dataSync()[0];
      assert.ok(difference < 1e-6);
    });

    it('leave a dy of the user alone', () => {
      const x = tf.randomNormal([4, 2, C]), dy = tf.randomNormal([4, 2, C]), p = params();
      const f = (x: tf.Tensor) => rbn.representativeBatchNormTraining(x, p, {residual: x}).output;
      const before = dy.dataSync().slice();
      tf.grad(f)(x, dy).dataSync();
      assert.equal(dy.isDisposed, false);
      assert.deepEqual(dy.dataSync(), before);
    });

    it('flow through a stack of two', () => {
      const p = params();
      const x = tf.randomNormal([4, 2, C], 0, 1, 'float32', 1);
      const f = (x: tf.Tensor) => {
        const inner = rbn.representativeBatchNormTraining(x, p, {activation: 'relu'}).output;
        return rbn.representativeBatchNormTraining(inner, p, {residual: x, activation: 'relu'}).output;
      };
      assert.ok(tf.grad(f)(x).dataSync().every(Number.isFinite));
    });
  });

  describe('leave no tensor behind', () => {
    const x = () => tf.randomNormal([4, 2, C]);
    const given = () => ({mean: tf.zeros([C]) as tf.Tensor1D, variance: tf.ones([C]) as tf.Tensor1D});
    const counted = (made: number, f: () => unknown) => {
      const before = tf.memory();
      const result = f();
      assert.equal(tf.memory().numTensors, before.numTensors + made);
      tf.dispose(result as tf.TensorContainer);
      assert.equal(tf.memory().numTensors, before.numTensors);
      assert.equal(tf.memory().numDataBuffers, before.numDataBuffers);
    };
    it('beside the output', () => {
      const value = x(), p = params(), statistics = given();
      counted(1, () => rbn.representativeBatchNorm(value, p, statistics));
      counted(3, () => rbn.representativeBatchNormTraining(value, p, {activation: 'relu', residual: value}));
      const arrays = {centerWeight: [0, 0], scaleWeight: [0, 0], scaleBias: [1, 1]};
      counted(1, () => rbn.representativeBatchNorm([[1, 2]], arrays, {mean: [0, 0], variance: [1, 1]}));
    });
    it('on a transposed axis', () => {
      const value = tf.randomNormal([2, 2, C, 2]), p = params(), statistics = given();
      counted(1, () => rbn.representativeBatchNorm(value, p, {...statistics, axis: 2, residual: value}));
      counted(3, () => rbn.representativeBatchNormTraining(value, p, {axis: 2}));
    });
    it('beside the gradients', () => {
      const value = x(), p = params(), statistics = given();
      counted(1, () => tf.grad(
          (x) => rbn.representativeBatchNorm(x, p, {...statistics, activation: 'relu', residual: x}))(value));
      counted(2, () => tf.grads((x, gamma) => {
        const q = {...p, gamma: gamma as tf.Tensor1D};
        return rbn.representativeBatchNormTraining(x, q, {activation: 'relu'}).output;
      })([value, p.gamma]));
    });
    it('in tf.tidy', () => {
      const value = x(), p = params();
      counted(1, () => tf.tidy(() => rbn.representativeBatchNormTraining(value, p).output));
    });
  });

  it('cost at most 20 µs more than tf.add on one element', () => {
    const x = tf.ones([1, 1]), b = tf.ones([1, 1]), p = params(1);
    const given = {mean: tf.zeros([1]) as tf.Tensor1D, variance: tf.ones([1]) as tf.Tensor1D};
    const ours = () => tf.tidy(() => {
      rbn.representativeBatchNorm(x, p, given);
    });
    const theirs = () => tf.tidy(() => {
      tf.add(x, b);
    });
    const microseconds = (f: () => void) => {
      const start = performance.now();
      for (let i = 0; i < 50; i++) f();
      return (performance.now() - start) / 50 * 1000;
    };
    // In turns, and the least of each: others run on this machine too, and seldom leave a longer time undisturbed.
    let least = Infinity, leastOfAdd = Infinity;
    for (let round = 0; round < 200; round++) {
      least = Math.min(least, microseconds(ours));
      leastOfAdd = Math.min(leastOfAdd, microseconds(theirs));
    }
    assert.ok(least - leastOfAdd <= 20, `${least} µs, tf.add ${leastOfAdd} µs`);
  });
});
