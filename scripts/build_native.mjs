// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Builds what only a checkout needs, by name: 'simulator' (the engine on the CPU, the case runner and the
// simulator's own test), 'asan' and 'tsan' (the same under sanitizers).
import {buildWithCmake, say} from './tools.mjs';

const BUILDS = {
  simulator: {what: 'the simulated engine', definitions: {}},
  asan: {what: 'the simulated engine under ASan and UBSan', definitions: {RBN_SANITIZE: 'address'}},
  tsan: {what: 'the simulated engine under TSan', definitions: {RBN_SANITIZE: 'thread'}},
};

const names = process.argv.slice(2);
const unknown = names.filter(name => !(name in BUILDS));
if (names.length === 0 || unknown.length > 0) {
  say(`build_native.mjs: expected some of ${Object.keys(BUILDS).join(', ')}, received '${process.argv.slice(2).join(' ')}'`);
  process.exit(2);
}
for (const name of names) {
  const {what, definitions} = BUILDS[name];
  if (!await buildWithCmake(what, name, {RBN_BUILD: 'simulator', ...definitions})) process.exit(1);
}
