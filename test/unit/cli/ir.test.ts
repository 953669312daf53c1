/** `lmc ir` and `lmc summary` on the classifier: every stage prints, graphs read back, reproducers run again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { portableTarget } from '../../../src/codegen/index.ts';
import { runCli } from '../../../src/cli/run.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { equalGraphs } from '../../../src/ir/equal.ts';
import { parseGraph } from '../../../src/ir/parse.ts';
import { printGraph } from '../../../src/ir/print.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { PassError, runPasses } from '../../../src/passes/driver.ts';
import type { Pass } from '../../../src/passes/pass.ts';
import { classifier } from '../passes/classifier.ts';
import { fakeIo } from './fake-io.ts';

const model = path.resolve(import.meta.dirname, '../../../models/text_classifier.lm');
const small = ['vocab_size=30', 'embedding_dim=4', 'hidden_dim=4'].flatMap((entry) => ['--set', entry]);
const folder = mkdtempSync(path.join(tmpdir(), 'lmc-ir-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function lmc(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(args, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('lmc ir', () => {
  test.each([
    ['ast', /^import @1:1/],
    ['graph', /training %\d+ by adam/],
    ['train', /output grad_norm/],
    ['fused', /loop seq/],
    ['kernel', /reduce/],
    ['schedule', /peak memory/],
    ['wgsl', /@compute/],
  ])('--stage %s', async (stage, pattern) => {
    const { code, out, err } = await lmc('ir', model, ...small, '--stage', stage);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(pattern);
  });

  test('graphs read back', async () => {
    for (const stage of ['graph', 'train']) {
      const { out } = await lmc('ir', model, ...small, '--stage', stage);
      expect(printGraph(parseGraph(out))).toBe(out);
    }
  });

  test('--before, --after, --disable and --program choose', async () => {
    const before = parseGraph((await lmc('ir', model, ...small, '--before', 'differentiate')).out);
    expect(before.gradients).toBeUndefined();
    const after = parseGraph((await lmc('ir', model, ...small, '--after', 'differentiate')).out);
    expect(after.gradients?.length).toBe(19);
    const without = parseGraph((await lmc('ir', model, ...small, '--disable', 'hoist')).out);
    const isHoisted = (graph: Graph) =>
      graph.nodes.some((node) => node.origin.derivation.includes('hoisted'));
    expect([isHoisted(without), isHoisted(after)]).toEqual([false, true]);
    const predict = parseGraph((await lmc('ir', model, ...small, '--program', 'predict')).out);
    expect(predict.outputs.map((output) => output.name)).toEqual(['output']);
  });

  test('--dump-dir writes a file for every change', async () => {
    const dumps = path.join(folder, 'dumps');
    await lmc('ir', model, ...small, '--dump-dir', dumps);
    const files = readdirSync(dumps);
    expect(files[0]).toBe('00-lowered.ir');
    expect(files.some((file) => file.endsWith('-differentiate.ir'))).toBe(true);
    for (const file of files) parseGraph(readFileSync(path.join(dumps, file), 'utf8'));
  });

  test('wrong options end with 2', async () => {
    expect((await lmc('ir', model, '--after', 'nothing')).code).toBe(2);
    expect((await lmc('ir', model, '--stage', 'nothing')).code).toBe(2);
    expect((await lmc('ir', model, '--stage', 'fused', '--after', 'hoist')).code).toBe(2);
  });

  test('missing and malformed files end with 5', async () => {
    expect((await lmc('ir', 'nowhere.lm')).code).toBe(5);
    expect((await lmc('ir', path.join(folder, 'nowhere.ir'))).code).toBe(5);
    const file = path.join(folder, 'broken.ir');
    writeFileSync(file, 'graph x {\n  nonsense\n}\n');
    const { code, err } = await lmc('ir', file);
    expect(code).toBe(5);
    expect(err).toContain('broken.ir:2:');
  });
});

describe('reproducers', () => {
  const broken: Pass = {
    name: 'hoist',
    run: (graph) => ({ ...graph, nodes: graph.nodes.slice(1) }),
  };

  test('carry the graph and the passes, and run again', async () => {
    const graph = classifier();
    let error: unknown;
    try {
      runPasses(graph, { passes: [broken], disable: new Set(['simplify', 'cse', 'dead-code']) });
    } catch (caught) {
      error = caught;
    }
    if (!(error instanceof PassError)) throw new Error('the broken pass did not fail');
    expect(error.message).toContain('pass hoist: makes a wrong graph');
    expect(error.reproducer).toContain('# passes: hoist\n');
    expect(equalGraphs(parseGraph(error.reproducer), graph)).toBe(true);
    const file = path.join(folder, 'reproducer.ir');
    writeFileSync(file, error.reproducer);
    const { code, out } = await lmc('ir', file);
    expect(code).toBe(0);
    expect(parseGraph(out).nodes.some((node) => node.origin.derivation.includes('hoisted'))).toBe(true);
  });

  test.each([
    ['says that it changed', { name: 'hoist', run: (graph: Graph) => ({ ...graph }) }],
    [
      'changes the graph that it was given',
      {
        name: 'hoist',
        run: (graph: Graph) => {
          (graph.nodes as unknown[]).pop();
          return graph;
        },
      },
    ],
    [
      'ensures a graph that is complete',
      { name: 'optimize', ensures: ['complete'], run: (graph: Graph) => graph },
    ],
    [
      'requires a graph that is differentiated',
      { name: 'optimize', requires: ['differentiated'], run: (graph: Graph) => graph },
    ],
  ] satisfies [string, Pass][])('a pass that %s fails', (message, pass) => {
    const graph = classifier();
    const copy = { ...graph, nodes: [...graph.nodes] };
    expect(() => runPasses(copy, { passes: [pass], compare: true })).toThrow(message);
  });
});

describe('lmc summary', () => {
  test('a dimension that the targets alone have', async () => {
    const file = path.join(folder, 'targets.lm');
    writeFileSync(
      file,
      `import nn
import sequence
dim batch
dim frame <= 8
dim target <= 4
model M(x: f32[batch, frame, 8]) -> f32[batch, frame, 5] {
  fc = Linear{8, 5}
  return log_softmax(fc(x))
}
task t for M {
  target goal: i32[batch, target]
  target frames: i32[batch]
  target lengths: i32[batch]
  loss  = ctc_loss(output, goal, frames, lengths)
  optim = adam{}
}
`,
    );
    const { code, out, err } = await lmc('summary', file);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(/frame = 8.*target = 4/);
  });

  test('agrees with the plan', async () => {
    const { code, out, err } = await lmc('summary', model);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('4,928,514');
    const compiled = compileProgram(
      model,
      createDiskHost(),
      { set: new Map(), task: new Map() },
      { target: portableTarget },
      new Reporter(),
    );
    const bytes = compiled?.generated.plan.buffers.reduce((sum, buffer) => sum + buffer.bytes, 0) ?? 0;
    expect(out).toContain(`${(bytes / 1024 / 1024).toFixed(1)} MiB`);
  });
});
