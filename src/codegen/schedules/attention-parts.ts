/** The bodies of attention's three kernels: forward, and the gradients of the queries and of the keys with the values. */
import { dotOf, extent, number, volume, type AttentionLanes } from './attention-lanes.ts';
import { LEAST } from './attention-mask.ts';

export function printAttention(lanes: AttentionLanes): void {
  lanes.place();
  switch (lanes.kernel.part) {
    case 'forward':
      return printForward(lanes);
    case 'queries':
      return printQueries(lanes);
    case 'keys':
      return printKeys(lanes);
  }
}

/** Whether row `r` saw no key: its largest score is what stands in the place of hidden ones. */
const isBlind = ({ p, kernel }: AttentionLanes, r: number): string => `most${r} <= ${number(p, kernel.fill)}`;

function printForward(lanes: AttentionLanes): void {
  const { p, kernel, horizon } = lanes;
  const { elements, stores, width, valueWidth } = kernel;
  const queries = lanes.ownVector('q', elements.query, width);
  const sums = lanes.sums('y', valueWidth);
  lanes.each((r) => {
    p.line(`var most${r} = ${number(p, LEAST)};`);
    p.line(`var total${r} = 0.0f;`);
  });
  lanes.walkKeys();
  const key = lanes.sharedVector('k', elements.key, width);
  const weights = lanes.each((r) => {
    const { score } = lanes.score(r, dotOf(p, `s${r}`, queries[r], key));
    p.line(`let score${r} = ${score};`);
    p.line(`let next${r} = max(most${r}, score${r});`);
    p.line(`let shrink${r} = exp(most${r} - next${r});`);
    p.line(`let term${r} = exp(score${r} - next${r});`);
    p.line(`most${r} = next${r};`);
    p.line(`total${r} = total${r} * shrink${r} + term${r};`);
    p.line(`let weight${r} = ${lanes.factor(r, `term${r}`)};`);
    return `weight${r}`;
  });
  const value = lanes.sharedVector('v', elements.value, valueWidth);
  lanes.each((r) =>
    sums[r]?.forEach((sum, at) => p.line(`${sum} = ${sum} * shrink${r} + ${weights[r]} * ${value[at]};`)),
  );
  p.close();
  lanes.finish((r) => {
    const array = lanes.array(sums[r] ?? []);
    if (horizon?.blind === true) addBehindHorizon(lanes, r, array);
    p.line(`let part${r} = 1.0f / total${r};`);
    lanes.storeArray(stores.vector, valueWidth, array, (sum) => `${sum} * part${r}`);
    lanes.storeNumber(stores.largest, `most${r}`);
    lanes.storeNumber(stores.sum, `total${r}`);
  });
}

/** A row that sees no key has the mean of all values, also of those that it did not walk along. */
function addBehindHorizon(lanes: AttentionLanes, r: number, array: string): void {
  const { p, kernel } = lanes;
  p.open(`if (${isBlind(lanes, r)})`);
  p.open(`for (var rest = key_end; rest < ${lanes.keyCount}; rest++)`);
  p.bindAxes([kernel.keys], 'rest');
  p.line(`total${r} += 1.0f;`);
  p.line(`let equal = ${lanes.factor(r, '1.0f')};`);
  lanes.addToArray(array, kernel.valueWidth, 'equal', kernel.elements.value);
  p.close();
  p.close();
}

function printQueries(lanes: AttentionLanes): void {
  const { p, kernel } = lanes;
  const { elements, stores, width, valueWidth } = kernel;
  const queries = lanes.ownVector('q', elements.query, width);
  const cotangents = lanes.ownVector('g', elements.cotangent, valueWidth);
  const sums = lanes.sums('dq', width);
  lanes.each((r) => {
    lanes.rowNumbers(r);
    lanes.rowDelta(r);
  });
  lanes.walkKeys();
  const key = lanes.sharedVector('k', elements.key, width);
  const value = lanes.sharedVector('v', elements.value, valueWidth);
  lanes.each((r) => {
    const { score, open } = lanes.score(r, dotOf(p, `s${r}`, queries[r], key));
    p.line(`let share${r} = exp(${score} - most${r}) * part${r};`);
    const weight = lanes.factor(r, dotOf(p, `w${r}`, cotangents[r], value));
    p.line(`let change${r} = ${lanes.change(r, weight, r, open)};`);
    sums[r]?.forEach((sum, at) => p.line(`${sum} += change${r} * ${key[at]};`));
  });
  p.close();
  lanes.finish((r) => lanes.storeArray(stores.vector, width, lanes.array(sums[r] ?? [])));
}

function printKeys(lanes: AttentionLanes): void {
  const { p, kernel, horizon } = lanes;
  const { elements, stores, rows, width, valueWidth } = kernel;
  const keys = lanes.ownVector('k', elements.key, width);
  const values = lanes.ownVector('v', elements.value, valueWidth);
  const [keySums, valueSums] = [lanes.sums('dk', width), lanes.sums('dv', valueWidth)];
  const last = rows.at(-1) ?? 0;
  // Keys beyond what the last query sees have no row to begin with.
  const start = `clamp(first - ${horizon?.offset ?? 0}, 0, ${p.dim(extent(kernel, last))})`;
  p.line(`let row_start = ${horizon === undefined ? '0' : start};`);
  walkHeads(lanes);
  p.open(`for (var row = row_start; row < ${p.dim(extent(kernel, last))}; row++)`);
  p.bindAxes([last], 'row');
  const query = lanes.sharedVector('q', elements.query, width);
  const cotangent = lanes.sharedVector('g', elements.cotangent, valueWidth);
  lanes.rowNumbers(0);
  lanes.rowDelta(0);
  lanes.each((r) => {
    const { score, open } = lanes.score(r, dotOf(p, `s${r}`, keys[r], query));
    p.line(`let share${r} = exp(${score} - most0) * part0;`);
    p.line(`let weight${r} = ${lanes.factor(r, `share${r}`)};`);
    const weight = lanes.factor(r, dotOf(p, `w${r}`, values[r], cotangent));
    p.line(`let change${r} = ${lanes.change(r, weight, 0, open)};`);
    valueSums[r]?.forEach((sum, at) => p.line(`${sum} += weight${r} * ${cotangent[at]};`));
    keySums[r]?.forEach((sum, at) => p.line(`${sum} += change${r} * ${query[at]};`));
  });
  p.close();
  p.close();
  lanes.finish((r) => {
    lanes.storeArray(stores.vector, width, lanes.array(keySums[r] ?? []));
    const array = lanes.array(valueSums[r] ?? []);
    if (horizon?.blind === true) addBlindRows(lanes, r, array);
    lanes.storeArray(stores.values, valueWidth, array);
  });
}

function walkHeads({ p, kernel }: AttentionLanes): void {
  const heads = kernel.rows.slice(0, -1);
  p.open(`for (var head = 0; head < ${p.dim(volume(kernel, heads))}; head++)`);
  p.bindAxes(heads, 'head');
}

/** Rows that see no key give the same share to all values, also to those behind their horizon. */
function addBlindRows(lanes: AttentionLanes, r: number, array: string): void {
  const { p, kernel } = lanes;
  walkHeads(lanes);
  p.open('for (var row = 0; row < row_start; row++)');
  p.bindAxes([kernel.rows.at(-1) ?? 0], 'row');
  lanes.rowNumbers(0);
  p.open(`if (${isBlind(lanes, 0)})`);
  p.line(`let equal = ${lanes.factor(r, 'part0')};`);
  lanes.addToArray(array, kernel.valueWidth, 'equal', kernel.elements.cotangent);
  p.close();
  p.close();
  p.close();
}
