/** LM02xx: names, imports, scopes: what a word refers to. */
import { defineDiagnostic } from '../define.ts';

export * from './arguments.ts';
export * from './unused.ts';

export const unknownName = defineDiagnostic<{ what: string; name: string }>({
  code: 'LM0201',
  severity: 'error',
  message: ({ what, name }) => `there is no ${what} \`${name}\` here`,
  explain: `
A name must be defined before the line that uses it: as a config entry, a dimension, a parameter, an assignment
above it, or by an import.

wrong:
    h = tanh(hiden)

right:
    h = tanh(hidden)
`,
});

export const duplicateName = defineDiagnostic<{ what: string; name: string }>({
  code: 'LM0202',
  severity: 'error',
  message: ({ what, name }) => `the ${what} \`${name}\` is defined twice`,
  explain: `
Config entries, dimensions, blocks, models, tasks, inputs, metrics and fields have one definition each. Values in a
body may be bound again, since a body runs from its first line to its last.

wrong:
    dim seq <= 256
    dim seq <= 128

right:
    dim seq <= 256
`,
});

export const duplicateParameter = defineDiagnostic<{ name: string }>({
  code: 'LM0203',
  severity: 'error',
  message: ({ name }) => `the parameter \`${name}\` is declared twice`,
  explain: `
A parameter is saved under its place in the module tree, so no two may have the same name there. In an unrolled
loop, number the copies.

wrong:
    h, y = repeat 2 as i carry (y = x) {
      param weight: f32[8, 8] = uniform{0.1}
      next (y = y @ weight) emit y
    }

right:
    h, y = repeat 2 as i carry (y = x) {
      param weight as "weight_{i}": f32[8, 8] = uniform{0.1}
      next (y = y @ weight) emit y
    }
`,
});

export const duplicateOwner = defineDiagnostic<{ name: string }>({
  code: 'LM0204',
  severity: 'error',
  message: ({ name }) => `\`${name}\` names two blocks that both have parameters`,
  explain: `
A block owns its parameters under the name that it is bound to: \`fc.weight\`. Two blocks under one name would save
their parameters in one place. Applying the same block twice shares its parameters.

wrong:
    fc = Linear{8, 8}
    x = fc(x)
    fc = Linear{8, 2}

right:
    hidden = Linear{8, 8}
    x = hidden(x)
    fc = Linear{8, 2}
`,
});

export const unownedParameters = defineDiagnostic<{ builder: string }>({
  code: 'LM0205',
  severity: 'error',
  message: ({ builder }) => `\`${builder}\` has parameters and no name to save them under`,
  explain: `
A block owns its parameters under the name that it is bound to. Built and applied within a larger expression, it has
none.

wrong:
    return Linear{8, 2}(x) + 1

right:
    fc = Linear{8, 2}
    return fc(x) + 1
`,
});

export const unknownFile = defineDiagnostic<{ file: string }>({
  code: 'LM0206',
  severity: 'error',
  message: ({ file }) => `there is no file \`${file}\``,
  explain: `
The file given on the command line cannot be read.
`,
});

export const unknownImport = defineDiagnostic<{ name: string; file: string }>({
  code: 'LM0207',
  severity: 'error',
  message: ({ name, file }) => `there is no file \`${file}\`, which \`import "${name}"\` names`,
  explain: `
A file is imported by its path, relative to the file that imports it.

wrong:
    import "cell.lm"

right:
    import "parts/cells.lm"
`,
});

export const unknownLibrary = defineDiagnostic<{ name: string }>({
  code: 'LM0208',
  severity: 'error',
  message: ({ name }) => `there is no library module \`${name}\``,
  explain: `
The library has the module \`nn\`. Files of your own are imported by their path, in quotes.

wrong:
    import torch

right:
    import nn
    import "cells.lm"
`,
});

export const importCycle = defineDiagnostic<{ cycle: readonly string[] }>({
  code: 'LM0209',
  severity: 'error',
  message: ({ cycle }) => `a file imports itself: ${cycle.join(' -> ')}`,
  explain: `
Files import each other in one direction. Move what both need into a file of its own.

wrong:
    # a.lm
    import "b.lm"
    # b.lm
    import "a.lm"

right:
    # a.lm
    import "common.lm"
    # b.lm
    import "common.lm"
`,
});

export const missingReturn = defineDiagnostic<{ what: string }>({
  code: 'LM0217',
  severity: 'error',
  message: ({ what }) => `${what} does not return anything`,
  explain: `
The body of a block or model ends with \`return\`.

wrong:
    model M(x: f32[batch, 8]) -> f32[batch, 8] {
      y = tanh(x)
    }

right:
    model M(x: f32[batch, 8]) -> f32[batch, 8] {
      y = tanh(x)
      return y
    }
`,
});

export const endlessBlock = defineDiagnostic<{ name: string }>({
  code: 'LM0218',
  severity: 'error',
  message: ({ name }) => `\`${name}\` contains itself without end`,
  explain: `
Blocks are applied while the program is compiled. A block may contain itself only with a hyperparameter that ends
it.

wrong:
    block Tree{depth}(x: f32[...]) -> f32[...] {
      inner = Tree{depth - 1}
      return inner(x)
    }

right:
    block Tree{depth}(x: f32[...]) -> f32[...] {
      inner = Tree{depth - 1}
      return inner(x) if depth > 0 else x
    }
`,
});

export const noModel = defineDiagnostic<{ file: string }>({
  code: 'LM0219',
  severity: 'error',
  message: ({ file }) => `\`${file}\` has no model`,
  explain: `
A program has a \`model\`: the graph from inputs to outputs that is to be compiled.

wrong:
    block M(x: f32[batch, 8]) -> f32[batch, 8] { return x }

right:
    model M(x: f32[batch, 8]) -> f32[batch, 8] { return x }
`,
});

export const unknownSetting = defineDiagnostic<{ name: string }>({
  code: 'LM0220',
  severity: 'error',
  message: ({ name }) => `there is no config entry \`${name}\` to set`,
  explain: `
\`--set NAME=VALUE\` overrides an entry of \`config\`.

wrong:
    lmc train model.lm --set hiden_dim=64

right:
    lmc train model.lm --set hidden_dim=64
`,
});

export const notSupportedYet = defineDiagnostic<{ what: string }>({
  code: 'LM0221',
  severity: 'error',
  message: ({ what }) => `${what} is not supported yet`,
  explain: `
This is part of the language, and this version of the compiler does not lower it yet.
`,
});
