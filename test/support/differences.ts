// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Checks the reference's gradients by central differences of its forward pass, in float64.
import {Case} from './cases';
import {CaseData} from './data';
import {forwardPass, Inputs, makeInputs, Reference} from './reference';

/**
 * Half the step, in the units of each input. Small enough that no value crosses the kink of a ReLU (1e-5
 * away, moved by at most 1/√epsilon steps), large enough that rounding of the outputs, some 1e-16 of their
 * size, stays far below what the step moves.
 */
const STEP = 1e-8;
const TOLERANCE = 1e-5;
const ROUNDING = 1e-14;

/** '' or the input in whose direction the gradient is wrong. */
export function differences(c: Case, data: CaseData, r: Reference): string {
  const inputs = makeInputs(c, data);
  const base = forwardPass(c, inputs);
  const passes = base.output.map((z) => !c.relu || z > 0 ? 1 : 0);
  const gradients: {[name in keyof Inputs]?: Float64Array} = {
    x: r.dx,
    gamma: r.dgamma.value,
    beta: r.dbeta.value,
    centerWeight: r.dcenterWeight.value,
    scaleWeight: r.dscaleWeight.value,
    scaleBias: r.dscaleBias.value,
  };
  if (inputs.residual !== null) gradients.residual = r.dresidual;
  for (const [name, gradient] of Object.entries(gradients)) {
    const values = inputs[name as keyof Inputs]!;
    const moved = [1, -1].map((sign) => values.map((value, i) => value + sign * STEP * Math.sin(1 + 1.7 * i)));
    let expected = 0, size = 0;
    gradient.forEach((g, i) => {
      // The step that was taken is not quite the one that was meant: near 1e4 a float64 has 1e-12.
      const step = moved[0][i] - moved[1][i];
      expected += g * step;
      size += Math.abs(g * step);
    });
    const [up, down] = moved.map((array) => forwardPass(c, {...inputs, [name]: array}, base.pivot).output);
    let difference = 0, outputs = 0;
    up.forEach((value, i) => {
      outputs += Math.abs(data.dy[i] * value);
      const term = data.dy[i] * passes[i] * (value - down[i]);
      difference += term;
      size += Math.abs(term);
    });
    if (!(Math.abs(difference - expected) <= TOLERANCE * size + ROUNDING * outputs)) {
      return `${name}: the gradient says ${expected}, the difference is ${difference}`;
    }
  }
  return '';
}
