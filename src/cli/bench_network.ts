// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn bench-network`: whole networks with RBN and with BatchNorm, against PyTorch.
import '../index';
import {benchNetworks, Plan} from '../bench/network/bench';
import {networkChart} from '../bench/network/chart';
import {networkReport} from '../bench/network/report';
import {MOBILENET_V2, RESNET_50, SMALL_MOBILENET, SMALL_RESNET} from '../bench/network/networks';
import {chooseBackend, refuseSimulator} from './backend';
import {markdownPath, numberOption, parseOptions, writeResults} from './options';

const DEFAULTS = {batch: 64, size: 224, seconds: 4}, QUICK = {batch: 8, size: 32, seconds: 0.2};
const MOST_BATCH = 4096, LEAST_SIZE = 32, MOST_SIZE = 1024, MOST_SECONDS = 600;

const HELP = `Usage: tfjs-rbn bench-network [OPTIONS]

Times ResNet-50 in training and in inference, at one image and at a batch, and MobileNetV2 in inference: of tf.layers
with Representative Batch Normalization and with tf.layers.batchNormalization, and, where python3 has torch and that finds
the same device, of PyTorch (eager, channels_last) with RBN op by op and with BatchNorm2d. Tells images a second,
the share of JavaScript and the time of each kernel. On a GPU, TF32 is allowed on both sides. Exits with 1 where a contestant
fails.

  --backend NAME    tfjs backend: cuda, which is a GPU; tensorflow, which is tfjs-node; or cpu (default: cuda where
                    there is a GPU, else tensorflow where tfjs-node is installed, else cpu)
  --batch N         images a batch (default ${DEFAULTS.batch})
  --size N          height and width of an image (default ${DEFAULTS.size})
  --seconds X       how long each contestant is timed (default ${DEFAULTS.seconds})
  --quick           small networks, at a batch of ${QUICK.batch}, ${QUICK.size}x${QUICK.size} and ${QUICK.seconds} seconds unless told otherwise
  --out FILE.md     writes the report there, with FILE.json and FILE.svg beside it
  --json            prints JSON instead of the report
  --help            this text

On tfjs's backend cpu, whose convolutions are plain JavaScript, only --quick is to be recommended.
`;

const SPECS = {
  backend: {type: 'string'}, batch: {type: 'string'}, size: {type: 'string'}, seconds: {type: 'string'}, quick: {type: 'boolean'},
  out: {type: 'string'}, json: {type: 'boolean'}, help: {type: 'boolean', short: 'h'},
} as const;

const ROUNDS = 8;
const WARM_UP = 0.25; // of the time that counts

function plansFor(quick: boolean, batch: number): Plan[] {
  return [
    {network: quick ? SMALL_RESNET : RESNET_50,
      cases: [{training: true, batch}, {training: false, batch: 1}, {training: false, batch}]},
    {network: quick ? SMALL_MOBILENET : MOBILENET_V2, cases: [{training: false, batch: 1}, {training: false, batch}]},
  ];
}

export async function run(args: string[]): Promise<number> {
  const values = parseOptions(args, SPECS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const defaults = values.quick ? QUICK : DEFAULTS;
  const batch = numberOption(values, 'batch', defaults.batch, {least: 2, most: MOST_BATCH, whole: true});
  const size = numberOption(values, 'size', defaults.size, {least: LEAST_SIZE, most: MOST_SIZE, whole: true});
  const milliseconds = 1000 * numberOption(values, 'seconds', defaults.seconds, {least: 0.01, most: MOST_SECONDS, whole: false});
  const out = markdownPath(values);
  const {backend, warnings} = chooseBackend(values);
  refuseSimulator('bench-network', backend);
  for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n\n`);
  const effort = {rounds: ROUNDS, roundMilliseconds: milliseconds / ROUNDS, warmUpMilliseconds: WARM_UP * milliseconds};
  const result = await benchNetworks(
      backend, plansFor(Boolean(values.quick), batch), size, effort, doing => process.stderr.write(`${doing}\n`));
  writeResults(result, {
    out, json: Boolean(values.json), chart: () => networkChart(result),
    report: chart => networkReport(result, ['tfjs-rbn bench-network', ...args].join(' '), chart),
  });
  return result.cases.every(({failures}) => failures.length === 0) ? 0 : 1;
}
