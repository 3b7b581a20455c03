// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The LayersModel layer: tf.layers.batchNormalization with the two corrections of Representative Batch
// Normalization. In all that both have it behaves as tfjs-layers 4.22 does.
import {cast, mul, serialization, sub, Tensor, Tensor1D, tidy} from '@tensorflow/tfjs-core';
import {
  constraints, initializers, InputSpec, layers, LayerVariable, regularizers, Shape,
} from '@tensorflow/tfjs-layers';

import {
  ActivationName, channelAxis, checkActivation, checkAxis, checkEpsilon, checkMomentum, RbnOptions, RbnParams,
  representativeBatchNorm, representativeBatchNormTraining,
} from '../ops';

// tfjs-layers exports these types only through its functions.
type BatchNormalizationArgs = NonNullable<Parameters<typeof layers.batchNormalization>[0]>;
type InitializerArg = BatchNormalizationArgs['gammaInitializer'];
type RegularizerArg = BatchNormalizationArgs['gammaRegularizer'];
type ConstraintArg = BatchNormalizationArgs['gammaConstraint'];
type Initializer = ReturnType<typeof initializers.zeros>;
type Regularizer = ReturnType<typeof regularizers.l1l2>;
type Constraint = ReturnType<typeof constraints.nonNeg>;
type Kwargs = Parameters<layers.Layer['call']>[1];

/**
 * All of tf.layers.batchNormalization, and for centerWeight, scaleWeight and scaleBias what gamma and beta
 * have.
 */
export interface RepresentativeBatchNormalizationArgs extends BatchNormalizationArgs {
  /** Default 'zeros'. */
  centerWeightInitializer?: InitializerArg;
  /** Default 'zeros'. */
  scaleWeightInitializer?: InitializerArg;
  /** Default 'ones'. */
  scaleBiasInitializer?: InitializerArg;
  centerWeightRegularizer?: RegularizerArg;
  scaleWeightRegularizer?: RegularizerArg;
  scaleBiasRegularizer?: RegularizerArg;
  centerWeightConstraint?: ConstraintArg;
  scaleWeightConstraint?: ConstraintArg;
  scaleBiasConstraint?: ConstraintArg;
  /** Fused after the normalisation: 'linear' (default) or 'relu'. */
  activation?: ActivationName;
}

/** How one weight is initialised, regularised and constrained, and the same as JSON. */
interface WeightConfig {
  initializer: Initializer;
  regularizer: Regularizer;
  constraint: Constraint;
  json: serialization.ConfigDict; // keys initializer, regularizer, constraint
}

const TRAINABLE = ['gamma', 'beta', 'centerWeight', 'scaleWeight', 'scaleBias'] as const;
const MOVING = ['movingMean', 'movingVariance'] as const;
type Name = typeof TRAINABLE[number] | typeof MOVING[number];

const INITIAL: Record<Name, 'zeros' | 'ones'> = {
  gamma: 'ones', beta: 'zeros', centerWeight: 'zeros', scaleWeight: 'zeros', scaleBias: 'ones',
  movingMean: 'zeros', movingVariance: 'ones',
};

/** The layer's class; create it with `rbn.layers.representativeBatchNormalization`. */
export class RepresentativeBatchNormalization extends layers.Layer {
  /** @nocollapse */
  static className = 'RepresentativeBatchNormalization';

  private readonly axis: number;
  private readonly momentum: number;
  private readonly epsilon: number;
  private readonly center: boolean;
  private readonly scale: boolean;
  private readonly activation: ActivationName;
  private readonly weightConfigs: Record<Name, WeightConfig>;
  private readonly variables: Partial<Record<Name, LayerVariable>> = {};

  constructor(args: RepresentativeBatchNormalizationArgs = {}) {
    super(args ?? {});
    args ??= {};
    this.supportsMasking = true;
    this.axis = wholeAxis(args.axis ?? -1);
    this.momentum = args.momentum ?? 0.99;
    this.epsilon = args.epsilon ?? 1e-3;
    this.center = args.center ?? true;
    this.scale = args.scale ?? true;
    this.activation = args.activation ?? 'linear';
    checkMomentum(this.momentum);
    checkEpsilon(this.epsilon);
    checkActivation(this.activation);
    const configs = [...TRAINABLE, ...MOVING].map((name) => [name, weightConfig(args, name)]);
    this.weightConfigs = Object.fromEntries(configs);
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    const axis = channelAxis(this.axis, shape.length);
    const channels = shape[axis];
    if (channels == null) {
      throw new RangeError(`axis: expected an axis with a defined dimension, received ${this.axis} ` +
          `for an input of shape ${JSON.stringify(shape)}`);
    }
    this.inputSpec = [new InputSpec({ndim: shape.length, axes: {[axis]: channels}})];
    for (const name of TRAINABLE) {
      if (name === 'gamma' && !this.scale || name === 'beta' && !this.center) continue;
      this.addVariable(name, channels, true);
    }
    for (const name of MOVING) this.addVariable(name, channels, false);
    this.built = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs: Kwargs): Tensor {
    return tidy(() => {
      const input = Array.isArray(inputs) ? inputs[0] : inputs;
      // As fit and predict do with what an input layer of dtype float32 is fed.
      const x = input.dtype === 'int32' || input.dtype === 'bool' ? cast(input, 'float32') : input;
      const read = (name: Name) => this.variables[name]?.read() as Tensor1D;
      const params: RbnParams = {
        gamma: read('gamma'), beta: read('beta'), centerWeight: read('centerWeight'),
        scaleWeight: read('scaleWeight'), scaleBias: read('scaleBias'),
      };
      const options: RbnOptions = {axis: this.axis, epsilon: this.epsilon, activation: this.activation};
      if (!kwargs?.training) {
        const given = {mean: read('movingMean'), variance: read('movingVariance')};
        return representativeBatchNorm(x, params, {...given, ...options});
      }
      const {output, mean, variance} = representativeBatchNormTraining(x, params, options);
      this.updateMoving('movingMean', mean);
      this.updateMoving('movingVariance', variance);
      return output;
    });
  }

  override getConfig(): serialization.ConfigDict {
    const config: serialization.ConfigDict = {
      axis: this.axis, momentum: this.momentum, epsilon: this.epsilon, center: this.center, scale: this.scale,
      activation: this.activation,
    };
    for (const name of TRAINABLE) {
      const {json} = this.weightConfigs[name];
      config[`${name}Initializer`] = json.initializer;
      config[`${name}Regularizer`] = json.regularizer;
      config[`${name}Constraint`] = json.constraint;
    }
    for (const name of MOVING) config[`${name}Initializer`] = this.weightConfigs[name].json.initializer;
    return {...config, ...super.getConfig()};
  }

  private addVariable(name: Name, channels: number, trainable: boolean): void {
    const {initializer, regularizer, constraint} = this.weightConfigs[name];
    const snakeCase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    this.variables[name] =
        this.addWeight(snakeCase, [channels], undefined, initializer, regularizer, trainable, constraint);
  }

  private updateMoving(name: typeof MOVING[number], batch: Tensor): void {
    const variable = this.variables[name]!;
    tidy(() => {
      const moving = variable.read();
      variable.write(sub(moving, mul(sub(moving, batch), 1 - this.momentum)));
    });
  }
}

/**
 * A layer that normalises as Representative Batch Normalization does; a drop-in for
 * tf.layers.batchNormalization.
 *
 * While training (`fit`, or `apply` with `{training: true}`) it normalises with the statistics of the batch
 * and moves its own towards them: moving = momentum·moving + (1 − momentum)·batch, the variance biased. Else
 * it uses the moving statistics. `trainable = false` freezes the parameters, not the statistics.
 *
 *     x_c = x + center_weight·mean_s(x)      x_s = (x_c − mean) / √(variance + epsilon)
 *     y = activation(gamma·x_s·sigmoid(scale_weight·mean_s(x_s) + scale_bias) + beta)
 *
 * ```js
 * const model = tf.sequential();
 * model.add(tf.layers.conv2d({inputShape: [8, 8, 1], filters: 4, kernelSize: 3, useBias: false}));
 * model.add(rbn.layers.representativeBatchNormalization({activation: 'relu'}));
 * model.add(tf.layers.globalAveragePooling2d({}));
 * model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
 * await model.fit(tf.randomNormal([8, 8, 8, 1]), tf.zeros([8, 4]), {epochs: 1, verbose: 0});
 * ```
 *
 * A batch needs at least two values a channel while training, over instances and positions: where the input
 * has rank 2, an epoch's last batch must not be a single sample. Inference takes any batch. Input of dtype
 * int32 or bool is cast to float32.
 *
 * Its weights, in this order, each of shape [C]: gamma (with scale), beta (with center), center_weight,
 * scale_weight, scale_bias, moving_mean, moving_variance.
 *
 * @param args As tf.layers.batchNormalization: axis (default -1; any but 0, also as a list of one, which is
 *     how Keras writes it), momentum (0 to 1, default 0.99; PyTorch's 0.1 is 0.9 here), epsilon (1e-3), center, scale (true), and Initializer, Regularizer and Constraint of gamma and beta;
 *     moreover those of centerWeight ('zeros'), scaleWeight ('zeros') and scaleBias ('ones'), and activation:
 *     'linear' (default) or 'relu', fused.
 * @throws RangeError for an epsilon that is not above 0, a momentum outside of 0 to 1, an axis that the input
 *     has not or whose dimension is not defined, and for one value a channel in training; TypeError for
 *     another activation.
 * @see Gao et al., "Representative Batch Normalization with Feature Calibration", CVPR 2021, section 3.
 */
export function representativeBatchNormalization(
    args: RepresentativeBatchNormalizationArgs = {}): RepresentativeBatchNormalization {
  return new RepresentativeBatchNormalization(args);
}

/** Models that come from Keras have the axis as a list of one. */
function wholeAxis(axis: unknown): number {
  const given = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  checkAxis(given);
  return given;
}

/**
 * tfjs-layers exports nothing that turns 'zeros' or {className, config} into an initialiser, nor one back
 * into JSON. A batch normalization layer does both; this one, never built, does it for one of our weights.
 * (It is given a name so that it takes none from the names of the user's layers.)
 */
function weightConfig(args: RepresentativeBatchNormalizationArgs, name: Name): WeightConfig {
  const given = args as Record<string, unknown>;
  const resolver = layers.batchNormalization({
    name: 'resolver',
    gammaInitializer: (given[`${name}Initializer`] || INITIAL[name]) as InitializerArg,
    gammaRegularizer: given[`${name}Regularizer`] as RegularizerArg,
    gammaConstraint: given[`${name}Constraint`] as ConstraintArg,
  });
  const fields = resolver as unknown as
      {gammaInitializer: Initializer; gammaRegularizer: Regularizer; gammaConstraint: Constraint};
  const json = resolver.getConfig();
  return {
    initializer: fields.gammaInitializer,
    regularizer: fields.gammaRegularizer,
    constraint: fields.gammaConstraint,
    json: {initializer: json.gammaInitializer, regularizer: json.gammaRegularizer, constraint: json.gammaConstraint},
  };
}
