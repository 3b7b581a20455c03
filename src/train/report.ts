// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The report of a training as one HTML file without anything to load: figures, curves, machine and command.
import {basename, dirname, relative} from 'node:path';
import {lineChart, Series} from './chart';
import {machineLine} from './machine';
import {NORM_TITLES} from './network';
import type {Summary, TrainResult} from './verdict';

const STYLE = `
:root { color-scheme: light dark; --page: #fbfbfa; --card: #ffffff; --text: #1d2129; --quiet: #646b78; --edge: #e3e5ea;
  --rbn: #2563eb; --bn: #c2620a; --good: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --card: #1c1f25; --text: #e8eaee; --quiet: #9aa3b2; --edge: #30343d;
  --rbn: #7aa8ff; --bn: #f5a54a; --good: #4ade80; --bad: #f87171; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 6px; }
p { margin: 0 0 8px; } .quiet { color: var(--quiet); } code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; margin: 24px 0 16px; }
.card, figure { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 16px 18px; margin: 0; }
.card { border-top: 4px solid var(--line); } .card b { display: block; font-size: 2.1rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card b span { font-size: 1.1rem; font-weight: 400; color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figcaption { font-weight: 600; margin-bottom: 6px; } svg { display: block; width: 100%; height: auto; }
.key { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 0 0 14px; } .key span::before { content: ''; display: inline-block;
  width: 22px; height: 3px; border-radius: 2px; background: var(--line); margin-right: 8px; vertical-align: middle; }
.rbn { --line: var(--rbn); } .bn { --line: var(--bn); }
svg .grid { stroke: var(--edge); } svg .rule { stroke: var(--quiet); stroke-dasharray: 5 4; } svg .tick { fill: var(--quiet); font-size: 12px; }
svg polyline { fill: none; stroke: var(--line); stroke-width: 1.8; stroke-linejoin: round; } svg circle { fill: var(--line); }
.seed2 polyline { stroke-dasharray: 7 3; } .seed3 polyline { stroke-dasharray: 2 3; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 7px 12px; border-bottom: 1px solid var(--edge); white-space: nowrap; } th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; } td.name::before { content: ''; display: inline-block; width: 10px; height: 10px; border-radius: 50%;
  background: var(--line); margin-right: 8px; }
h2 { font-size: 1.15rem; margin: 30px 0 4px; } .good { color: var(--good); } .bad { color: var(--bad); }
.bar { display: grid; grid-template-columns: 44px 1fr 200px; gap: 12px; align-items: center; margin: 10px 0; } .bar div { display: flex; height: 44px; }
.bar i { display: block; background: var(--line); } .bar i:first-child { border-radius: 4px 0 0 4px; } .bar i + i { opacity: 0.35; border-radius: 0 4px 4px 0; }
@media (max-width: 640px) { .bar { grid-template-columns: 44px 1fr; } .bar span:last-child { grid-column: 2; } }`;

const DIGITS = `Data: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998),
CC BY 4.0`;

export function reportPage(result: TrainResult, command: string): string {
  const {options, summaries, seconds, missed, notAsked} = result;
  const name = options.data === null ? 'Digits' : escape(basename(options.data));
  const verdict = [
    ...missed.map(m => `<p class="bad">Missed: ${escape(m)}.</p>`),
    ...notAsked.map(n => `<p class="quiet">Note: ${escape(n)}.</p>`),
    ...(missed.length + notAsked.length === 0 ? ['<p class="good">Accuracy and time are as promised.</p>'] : []),
  ].join('\n');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: ${summaries.map(s => s.norm.toUpperCase()).join(' and ')}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>A residual network ${options.data === null ? 'reads handwritten digits' : `on ${name}`}</h1>
<p class="quiet">${summaries.map(s => NORM_TITLES[s.norm]).join(' beside ')}: the same network, seeds and batches.
${count(options.epochs, 'epoch')} in batches of ${options.batchSize}, ${count(options.seeds, 'seed')}; ${options.images.train.toLocaleString('en')} images for training,
${options.images.test.toLocaleString('en')} for testing. ${seconds.toFixed(0)} s on ${new Date().toISOString().slice(0, 10)}.</p>
${verdict}
<div class="cards">${summaries.map(card).join('\n')}</div>
<p class="key">${summaries.map(s => `<span class="${s.norm}">${NORM_TITLES[s.norm]}</span>`).join('')}${options.seeds > 1
    ? '<em class="quiet">one line a seed</em>' : ''}</p>
<div class="charts">
${trainingLoss(summaries)}
${testAccuracy(summaries)}
${testLoss(summaries)}
${stepTimes(summaries)}
</div>
<h2>All runs</h2>
<div class="scroll">${table(result)}</div>
<p class="quiet">Each model was saved, loaded again and tested: the accuracy was the same.</p>
<h2>Made by</h2>
<p><code>${escape(command)}</code></p>
<p class="quiet">${escape(machineLine())}; backend ${options.backend.name}; ${count(options.jobs, 'run')} at a time.</p>
<p class="quiet">${options.data === null ? DIGITS : `Data: ${escape(options.data)}`}. The split is the same in every run.</p>
</main>
</body>
</html>
`;
}

function card(s: Summary): string {
  const spread = s.spread === null ? '' : ` <span>± ${(100 * s.spread).toFixed(2)}</span>`;
  return `<div class="card ${s.norm}">${NORM_TITLES[s.norm]}<b>${(100 * s.accuracy).toFixed(2)} %${spread}</b>` +
      `<span class="quiet">of the test images read right${s.spread === null ? '' : ' (mean ± standard deviation over seeds)'}. ` +
      `${s.parameters.toLocaleString('en')} parameters, ${s.stepMilliseconds.toFixed(1)} ms a step, ` +
      `${(100 * s.normShare).toFixed(0)} % of it in normalization.</span></div>`;
}

function series(summaries: Summary[], points: (run: Summary['runs'][number]) => [number, number][], dots: boolean): Series[] {
  return summaries.flatMap(s => s.runs.map(run => (
    {title: `${s.norm}, seed ${run.seed}`, className: `${s.norm} seed${run.seed}`, points: points(run), dots})));
}

// An exponential average over about ten steps: single batches are too noisy to compare by eye.
const SMOOTHING = 0.9;

function trainingLoss(summaries: Summary[]): string {
  const steps = summaries[0].runs[0].stepLosses.length;
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find(n => steps / n <= 8) ?? 10000;
  return lineChart({
    title: 'Training loss by step (cross-entropy, averaged over about ten steps)',
    xLabel: 'step',
    xTicks: Array.from({length: Math.floor(steps / every)}, (_, i) => (i + 1) * every),
    log: true,
    series: series(summaries, run => {
      let average = run.stepLosses[0];
      return run.stepLosses.map((loss, i) => {
        average = SMOOTHING * average + (1 - SMOOTHING) * loss;
        return [i + 1, average];
      });
    }, false),
    format: y => String(y),
  });
}

function testAccuracy(summaries: Summary[]): string {
  return lineChart({
    title: 'Test accuracy by epoch, from the first on',
    xLabel: 'epoch',
    xTicks: epochTicks(summaries),
    log: false,
    series: series(summaries, run => run.epochs.slice(1).map(e => [e.epoch, e.testAccuracy]), true),
    rule: {y: 0.95, label: 'promised after the last epoch'},
    format: y => `${Number((100 * y).toFixed(1))} %`,
  });
}

function testLoss(summaries: Summary[]): string {
  return lineChart({
    title: 'Test loss by epoch, from before training on (cross-entropy)',
    xLabel: 'epoch',
    xTicks: [0, ...epochTicks(summaries)],
    log: true,
    series: series(summaries, run => run.epochs.map(e => [e.epoch, e.testLoss]), true),
    format: y => String(Number(y.toPrecision(3))),
  });
}

function epochTicks(summaries: Summary[]): number[] {
  const epochs = summaries[0].runs[0].epochs.length - 1;
  const every = Math.ceil(epochs / 10);
  return Array.from({length: Math.floor(epochs / every)}, (_, i) => (i + 1) * every);
}

function stepTimes(summaries: Summary[]): string {
  const longest = Math.max(...summaries.map(s => s.stepMilliseconds));
  const bars = summaries.map(s => {
    const width = 100 * s.stepMilliseconds / longest;
    const norm = s.stepMilliseconds * s.normShare;
    return `<div class="bar ${s.norm}"><span>${s.norm.toUpperCase()}</span><div>` +
        `<i style="width:${(width * s.normShare).toFixed(2)}%"></i><i style="width:${(width * (1 - s.normShare)).toFixed(2)}%"></i></div>` +
        `<span>${norm.toFixed(1)} + ${(s.stepMilliseconds - norm).toFixed(1)} ms</span></div>`;
  });
  return `<figure><figcaption>One training step: normalization (full colour) + everything else</figcaption>${bars.join('')}` +
      `<p class="quiet">Medians, forward and backward, of the layers between two clocks on the tape of the network itself; the ` +
      `optimizer's update of their weights is not counted as normalization.</p></figure>`;
}

function table({summaries, report}: {summaries: Summary[]; report: string}): string {
  const rows = summaries.flatMap(s => s.runs.map(run => {
    const last = run.epochs[run.epochs.length - 1];
    return `<tr class="${s.norm}"><td class="name">${s.norm.toUpperCase()}</td><td>${run.seed}</td><td>${(100 * last.testAccuracy).toFixed(2)} %</td>` +
        `<td>${last.testLoss.toFixed(4)}</td><td>${last.trainLoss!.toFixed(4)}</td><td>${run.stepMilliseconds.toFixed(1)}</td>` +
        `<td>${(100 * run.normMilliseconds / run.stepMilliseconds).toFixed(0)} %</td>` +
        `<td><code>${escape(relative(dirname(report), run.modelDirectory))}</code></td></tr>`;
  }));
  return `<table><tr><th></th><th>seed</th><th>test accuracy</th><th>test loss</th><th>training loss</th><th>ms a step</th>` +
      `<th>in normalization</th><th>model</th></tr>${rows.join('')}</table>`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
