// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Finds what can be broken in the CUDA code: barriers, conditions, bounds and the terms of formulas. It reads
// the project's own style of C++ (operators between spaces, templates without), not C++ at large; what it
// makes is compiled, so a place that it misreads does not go unnoticed.

/** The source with comments, strings and preprocessor lines as spaces: same length, same line ends. */
export function blank(source) {
  const spaces = (text) => text.replace(/[^\n]/g, ' ');
  return source
      .replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, spaces)
      .replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, spaces);
}

const OPENING = '([{', CLOSING = ')]}';

/** From `at` on, the first place at this depth that `stops` accepts, or that closes the depth. */
function forward(code, at, stops) {
  for (let depth = 0, i = at; i < code.length; i++) {
    if (depth === 0 && stops(i)) return i;
    if (OPENING.includes(code[i])) depth++;
    else if (CLOSING.includes(code[i]) && depth-- === 0) return i;
  }
  return code.length;
}

/** As forward, towards the beginning; returns the place after the one that stops. */
function backward(code, at, stops) {
  for (let depth = 0, i = at - 1; i >= 0; i--) {
    if (depth === 0 && stops(i)) return i + 1;
    if (CLOSING.includes(code[i])) depth++;
    else if (OPENING.includes(code[i]) && depth-- === 0) return i + 1;
  }
  return 0;
}

const trimmed = (code, [begin, end]) => {
  while (begin < end && /\s/.test(code[begin])) begin++;
  while (end > begin && /\s/.test(code[end - 1])) end--;
  return [begin, end];
};

/** The binary operator at a place, as the style writes it: between spaces. */
const operatorAt = (code, i, operators) => code[i - 1] === ' ' ?
  operators.find((o) => code.startsWith(o, i) && /\s/.test(code[i + o.length])) : undefined;

const LOGIC = ['&&', '||'];
const COMPARISONS = ['<=', '>=', '<', '>'];
const EQUALITY = ['==', '!='];
const SUMS = ['+', '-'];
const PRODUCTS = ['*', '/'];
const SEPARATORS = ';,?';

/** What ends an operand of an operator: separators, `return`, assignment, `:` of a choice, looser operators. */
function ends(code, looser) {
  const operators = [':', '=', '+=', '-=', '*=', '|=', '<<', '>>', '&', '|', ...looser];
  return (i) => SEPARATORS.includes(code[i]) || /\breturn$/.test(code.slice(Math.max(0, i - 6), i + 1)) ||
      operatorAt(code, i, operators) !== undefined;
}

/** The statement round a place: since the last ; or brace at any depth. */
function statement(code, at) {
  let begin = at;
  while (begin > 0 && !';{}'.includes(code[begin - 1])) begin--;
  return code.slice(begin, at);
}

/** Where constants are needed nothing can be wrapped. */
const isConstant = (code, at) => /\bconstexpr\b|\bstatic_assert\b|\btemplate\b|\busing\b|\benum\b/.test(statement(code, at));

/**
 * A condition of template parameters alone (`kGate == Gate::kMask`, `kReadsX`): the compiler's choice between
 * versions of a kernel, as `if constexpr` is, no guard.
 */
const isTemplateChoice = (operand) => /^!?k[A-Z]\w*(?: [=!]= \w+::k\w+)?$/.test(operand.trim());

/**
 * All mutants of one file, as insertions: {kind, begin, end, before, after, text}. `before` and `after` hold
 * a function call without its id; `text` is the line, for people.
 */
export function findMutants(file, source) {
  const code = blank(source);
  const found = [];
  const lineAt = (at) => {
    const begin = source.lastIndexOf('\n', at - 1) + 1, end = source.indexOf('\n', at);
    return source.slice(begin, end < 0 ? source.length : end).trim();
  };
  const add = (kind, range, wrap, at = range[0]) => {
    const [begin, end] = trimmed(code, range);
    if (begin >= end || isConstant(code, begin)) return;
    if (wrap === 'one' && /^(1\.0f?|1|Real\(1\))$/.test(code.slice(begin, end))) return; // is one already
    found.push({file, kind, begin, end, wrap, what: source.slice(begin, end).replace(/\s+/g, ' '), text: lineAt(at)});
  };
  const all = (pattern) => [...code.matchAll(pattern)];

  for (const match of all(/\b(?:__syncthreads|__syncwarp|__threadfence|[a-z_]+\.sync)\([^;()]*\);/g)) {
    found.push({
      file, kind: 'barrier', begin: match.index, end: match.index + match[0].length, wrap: 'skip',
      what: match[0], text: lineAt(match.index),
    });
  }

  // Conditions of if, for and while; those of a choice and those that are kept in a bool.
  const conditions = [];
  for (const match of all(/\b(if|while|for) \(/g)) {
    const open = match.index + match[0].length;
    const close = forward(code, open, () => false);
    if (match[1] === 'for') {
      const first = forward(code, open, (i) => code[i] === ';');
      if (first >= close) continue; // over a range
      conditions.push({range: [first + 1, forward(code, first + 1, (i) => code[i] === ';')], loop: true});
    } else {
      const leaves = /^\)\s*\{?\s*(return|continue|break)\b/.test(code.slice(close, close + 60));
      conditions.push({range: [open, close], loop: match[1] === 'while', leaves});
    }
  }
  for (const match of all(/ \? /g)) {
    const at = match.index + 1;
    const begin = backward(code, at, ends(code, []));
    conditions.push({range: [begin, at], choice: true});
  }
  for (const match of all(/\b(?:bool \w+|\w+\.inside) = /g)) {
    const begin = match.index + match[0].length;
    conditions.push({range: [begin, forward(code, begin, (i) => code[i] === ';')]});
  }
  for (const {range, loop, leaves} of conditions) {
    const [begin, end] = trimmed(code, range);
    if (begin >= end) continue;
    const operators = [];
    forward(code, begin, (i) => {
      if (i >= end) return true;
      const logic = operatorAt(code, i, LOGIC);
      if (logic) operators.push([i, logic]);
      return false;
    });
    const or = operators.some(([, logic]) => logic === '||');
    const cuts = [begin, ...operators.flatMap(([i]) => [i, i + 2]), end];
    for (let i = 0; i < cuts.length; i += 2) {
      const operand = [cuts[i], cuts[i + 1]];
      const compares = [...COMPARISONS, ...EQUALITY].some((o) => code.slice(...operand).includes(` ${o} `));
      // A loop without its bound would not end, which no test need find out.
      if ((loop && compares) || isTemplateChoice(code.slice(...operand))) continue;
      // A guard that leaves is removed by never leaving; any other by always going on.
      add('condition', operand, leaves || or ? 'never' : 'always');
    }
  }

  // Bounds: one more passes.
  for (let at = 1; at < code.length; at++) {
    const operator = operatorAt(code, at, COMPARISONS);
    if (!operator) continue;
    const begin = at + operator.length;
    const bound = [begin, forward(code, begin, ends(code, [...LOGIC, ...COMPARISONS]))];
    add('bound', bound, operator[0] === '<' ? 'more' : 'less');
  }

  // Sums that are built up.
  for (const match of all(/ \+= /g)) {
    const at = match.index + 1;
    if (/\bfor \([^;]*;[^;]*;[^;]*$/.test(code.slice(Math.max(0, at - 200), at))) continue; // a loop's step
    const end = forward(code, at + 2, (i) => ';,'.includes(code[i]));
    add('accumulation', [at + 2, end], 'zero');
    add('accumulation', [backward(code, at, (i) => ';,'.includes(code[i])), at], 'forget', at);
  }
  for (const match of all(/\b(?:fmaf|multiply_add)\(/g)) {
    if (/\b(?:float|double|Real) $/.test(code.slice(0, match.index))) continue; // its declaration
    const cuts = [match.index + match[0].length - 1];
    for (let i = 0; i < 3; i++) cuts.push(forward(code, cuts[i] + 1, (j) => code[j] === ','));
    add('term', [cuts[0] + 1, cuts[1]], 'zero');
    add('term', [cuts[2] + 1, cuts[3]], 'zero');
    add('factor', [cuts[0] + 1, cuts[1]], 'one');
    add('factor', [cuts[1] + 1, cuts[2]], 'one');
  }
  if (!file.endsWith('algebra.h')) return found;

  // The formulas themselves.
  const looserThanSums = [...LOGIC, ...COMPARISONS, ...EQUALITY];
  for (let at = 1; at < code.length; at++) {
    const sum = operatorAt(code, at, SUMS);
    if (sum) {
      const stop = ends(code, [...looserThanSums, ...SUMS]);
      add('term', [at + 1, forward(code, at + 1, stop)], 'zero', at);
      const begin = backward(code, at, stop);
      // The left one only at the head of the sum: others are the right one of the operator before.
      if (!operatorAt(code, begin - 1, SUMS)) add('term', [begin, at], 'zero', at);
    }
    const product = operatorAt(code, at, PRODUCTS);
    if (product) {
      const stop = ends(code, [...looserThanSums, ...SUMS, ...PRODUCTS]);
      add('factor', [at + 1, forward(code, at + 1, stop)], 'one', at);
      const begin = backward(code, at, stop);
      if (!operatorAt(code, begin - 1, PRODUCTS)) add('factor', [begin, at], 'one', at);
    }
  }
  return found;
}

/** The source with every mutant wrapped in; ids are those of the mutants. */
export function wrapMutants(source, mutants) {
  // Insertions at one place: what ends there before what begins there, the inner inside the outer.
  const insertions = mutants.flatMap(({id, begin, end, wrap}) => wrap === 'skip' ?
    [{at: begin, text: `if (!rbn_mutation::is(${id})) `, order: [1, -end]}] :
    [{at: begin, text: `rbn_mutation::${wrap}(${id}, `, order: [1, -end]}, {at: end, text: ')', order: [0, -begin]}]);
  insertions.sort((a, b) => a.at - b.at || a.order[0] - b.order[0] || a.order[1] - b.order[1]);
  let result = '', last = 0;
  for (const {at, text} of insertions) {
    result += source.slice(last, at) + text;
    last = at;
  }
  return result + source.slice(last);
}
