// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn bench`: RBN against tfjs's own ops and PyTorch.
import '../index';
import {bench} from '../bench/bench';
import {barChart} from '../bench/chart';
import {report} from '../bench/report';
import {QUICK, RESNET50} from '../bench/shapes';
import {chooseBackend, CPU, refuseSimulator} from './backend';
import {markdownPath, parseOptions, shapesOption, writeResults} from './options';

const HELP = `Usage: tfjs-rbn bench [OPTIONS]

Times Representative Batch Normalization, training (forward and backward) and frozen (forward), against the same
composed of tfjs ops and tf.layers.batchNormalization; on the CPU also in TypeScript, against a memory copy and, where
python3 has torch, PyTorch. Prints the figures that the package sets itself; a missed one is no error.

  --backend NAME    tfjs backend: cpu (default); tensorflow, which is tfjs-node; or cuda, which is a GPU, with times
                    taken on it
  --quick           two small shapes, few rounds
  --shapes LIST     such as 8x56x56x256,8x14x14x256 (default: the stages of ResNet-50 at batch 8)
  --out FILE.md     writes the report there, with FILE.json and FILE.svg beside it
  --json            prints JSON instead of the report
  --help            this text

Native code and PyTorch get as many threads as RBN_THREADS says, by default one a CPU.
`;

const SPECS = {
  backend: {type: 'string'}, quick: {type: 'boolean'}, shapes: {type: 'string'}, out: {type: 'string'}, json: {type: 'boolean'},
  help: {type: 'boolean', short: 'h'},
} as const;

const FULL_EFFORT = {rounds: 9, roundMilliseconds: 120, warmUpMilliseconds: 600};
const QUICK_EFFORT = {rounds: 3, roundMilliseconds: 40, warmUpMilliseconds: 100};

export async function run(args: string[]): Promise<number> {
  const values = parseOptions(args, SPECS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const out = markdownPath(values);
  const shapes = shapesOption(values, values.quick ? QUICK : RESNET50);
  const {backend, warnings} = values.backend === undefined ? CPU : chooseBackend(values);
  refuseSimulator('bench', backend);
  for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n\n`);
  const result = await bench(backend, shapes, values.quick ? QUICK_EFFORT : FULL_EFFORT, doing => process.stderr.write(`${doing}\n`));

  const command = ['tfjs-rbn bench', ...args].join(' ');
  writeResults(result, {
    out, json: Boolean(values.json), chart: () => barChart(result), report: chart => report(result, command, chart),
  });
  return 0;
}
