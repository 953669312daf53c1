/** The stage that hides tokens. */
import type { Stage } from '../stage.ts';

const share = { type: 'number', minimum: 0, maximum: 1 } as const;

export const maskingStage: Stage = {
  name: 'masking',
  kind: 'masking',
  doc: 'hides some tokens of every text, for a model that guesses them from those around (BERT, Devlin et al. 2019): of the tokens that are chosen, most become `<mask>`, some another token by chance, the rest stay. The target `i32[batch, seq]` is what was hidden, and -100 elsewhere. At least one token of a text is chosen; special ones never are. Every epoch hides others; what is held out has the same ones hidden always',
  options: [
    {
      name: 'share',
      ...share,
      required: true,
      positional: true,
      doc: 'the share of a text’s tokens that is chosen; BERT’s is 0.15',
    },
    { name: 'mask', ...share, default: 0.8, doc: 'the share of the chosen that becomes `<mask>`' },
    {
      name: 'random',
      ...share,
      default: 0.1,
      doc: 'the share of the chosen that becomes any token of the vocabulary; the rest stays as it is',
    },
  ],
  check: (numbers) => {
    const [mask = 0.8, random = 0.1] = [numbers.get('mask'), numbers.get('random')];
    if (numbers.get('share') === 0) return { option: 'share', expected: 'a share above 0' };
    // 0.9 + 0.1 may be a little more than 1.
    if (mask + random <= 1 + 1e-9) return undefined;
    return numbers.has('random')
      ? { option: 'random', expected: `at most 1 - mask, ${Number((1 - mask).toFixed(9))}` }
      : { option: 'mask', expected: `at most 1 - random, ${1 - random}` };
  },
};
