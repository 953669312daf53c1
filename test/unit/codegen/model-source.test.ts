/** The class of a bundle declares what its programs return. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { portableTarget } from '../../../src/codegen/target.ts';
import { printModelSource } from '../../../src/codegen/bundle/model-source.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';

function evaluationOf(model: string): string | undefined {
  const file = path.resolve(import.meta.dirname, `../../../models/${model}.lm`);
  const options = { set: new Map<string, string>(), task: new Map<string, string>() };
  const compiled = compileProgram(
    file,
    createDiskHost(),
    options,
    { target: portableTarget },
    new Reporter(),
  );
  if (compiled === undefined) throw new Error(`${model} does not compile`);
  const source = printModelSource(compiled.generated.plan, 'model.lm');
  return /interface \w*Evaluation \{[^}]*\}/.exec(source)?.[0];
}

it('leaves metrics of texts to whoever reads the texts', () => {
  const evaluation = evaluationOf('speech_ctc');
  expect(evaluation).toContain('readonly loss: number');
  expect(evaluation).not.toContain('cer');
});

it('has the tags of metrics of spans', () => {
  expect(evaluationOf('ner')).toContain('readonly f1: Tensor<Int32Array>');
});
