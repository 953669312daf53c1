/**
 * Dimensions: polynomials with integer coefficients over runtime dimensions, in canonical form.
 * A hyperparameter is already a number here; `seq` and `batch` are symbols. Two dimensions are the same exactly
 * when their polynomials are: `seq` never equals another symbol, whatever their sizes.
 */

export interface Term {
  readonly coefficient: number;
  /** Sorted; a symbol occurs as often as its power. */
  readonly symbols: readonly string[];
}

export interface Dim {
  /** Sorted by degree (highest first), then by symbols; no zero coefficients. The empty list is 0. */
  readonly terms: readonly Term[];
  /** The source text that this size came from (`hidden_dim`), for messages only; equality ignores it. */
  readonly label?: string;
}

function compareTerms(lhs: Term, rhs: Term): number {
  if (lhs.symbols.length !== rhs.symbols.length) return rhs.symbols.length - lhs.symbols.length;
  const left = lhs.symbols.join('*');
  const right = rhs.symbols.join('*');
  return left < right ? -1 : left > right ? 1 : 0;
}

function canonical(terms: readonly Term[]): Dim {
  const [only] = terms;
  if (only !== undefined && terms.length === 1) {
    const { coefficient, symbols } = only;
    return { terms: coefficient === 0 ? [] : [{ coefficient, symbols: symbols.toSorted() }] };
  }
  const byKey = new Map<string, Term>();
  for (const term of terms) {
    const symbols = [...term.symbols].toSorted();
    const key = symbols.join('*');
    const previous = byKey.get(key);
    byKey.set(key, { coefficient: (previous?.coefficient ?? 0) + term.coefficient, symbols });
  }
  return { terms: [...byKey.values()].filter((term) => term.coefficient !== 0).toSorted(compareTerms) };
}

export function constantDim(value: number, label?: string): Dim {
  const dim: Dim = { terms: value === 0 ? [] : [{ coefficient: value, symbols: [] }] };
  return label === undefined ? dim : { ...dim, label };
}

export function symbolDim(name: string): Dim {
  return { terms: [{ coefficient: 1, symbols: [name] }] };
}

export function addDims(lhs: Dim, rhs: Dim): Dim {
  const [left, right] = [constantOf(lhs), constantOf(rhs)];
  if (left !== undefined && right !== undefined) return constantDim(left + right);
  return canonical([...lhs.terms, ...rhs.terms]);
}

export function subtractDims(lhs: Dim, rhs: Dim): Dim {
  return addDims(lhs, multiplyDims(constantDim(-1), rhs));
}

export function multiplyDims(lhs: Dim, rhs: Dim): Dim {
  const [left, right] = [constantOf(lhs), constantOf(rhs)];
  if (left !== undefined && right !== undefined) return constantDim(left * right);
  if (left === 1) return { terms: rhs.terms };
  if (right === 1) return { terms: lhs.terms };
  return canonical(
    lhs.terms.flatMap((term) =>
      rhs.terms.map((other) => ({
        coefficient: term.coefficient * other.coefficient,
        symbols: [...term.symbols, ...other.symbols],
      })),
    ),
  );
}

export function productOfDims(dims: readonly Dim[]): Dim {
  return dims.reduce(multiplyDims, constantDim(1));
}

/** Exact quotient, or undefined where the division leaves a remainder or is not by a single term. */
export function divideDims(lhs: Dim, rhs: Dim): Dim | undefined {
  const divisor = rhs.terms[0];
  if (rhs.terms.length !== 1 || divisor === undefined) return undefined;
  const terms: Term[] = [];
  for (const term of lhs.terms) {
    if (term.coefficient % divisor.coefficient !== 0) return undefined;
    const symbols = [...term.symbols];
    for (const symbol of divisor.symbols) {
      const at = symbols.indexOf(symbol);
      if (at < 0) return undefined;
      symbols.splice(at, 1);
    }
    terms.push({ coefficient: term.coefficient / divisor.coefficient, symbols });
  }
  return canonical(terms);
}

export function equalDims(lhs: Dim, rhs: Dim): boolean {
  return (
    lhs.terms === rhs.terms ||
    (lhs.terms.length === rhs.terms.length &&
      lhs.terms.every((term, index) => {
        const other = rhs.terms[index];
        return (
          other !== undefined &&
          term.coefficient === other.coefficient &&
          sameSymbols(term.symbols, other.symbols)
        );
      }))
  );
}

function sameSymbols(lhs: readonly string[], rhs: readonly string[]): boolean {
  return lhs.length === rhs.length && lhs.every((symbol, at) => symbol === rhs[at]);
}

/** The number, where the dimension has no runtime symbol. */
export function constantOf(dim: Dim): number | undefined {
  const [term] = dim.terms;
  if (term === undefined) return 0;
  return dim.terms.length === 1 && term.symbols.length === 0 ? term.coefficient : undefined;
}

export function symbolsOf(dim: Dim): readonly string[] {
  if (constantOf(dim) !== undefined) return [];
  return [...new Set(dim.terms.flatMap((term) => term.symbols))];
}

/** The value for given sizes of the symbols. Throws a RangeError naming a symbol without a size. */
export function evaluateDim(dim: Dim, sizes: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const term of dim.terms) {
    let product = term.coefficient;
    for (const symbol of term.symbols) {
      const size = sizes.get(symbol);
      if (size === undefined) throw new RangeError(`dimension ${symbol} has no size`);
      product *= size;
    }
    sum += product;
  }
  return sum;
}

/** Canonical text: `4*seq*batch+2*seq-1`; `parseDim` in the IR parser reads it back. */
export function printDim({ terms }: Dim): string {
  const known = texts.get(terms);
  if (known !== undefined) return known;
  const text = printTerms(terms);
  texts.set(terms, text);
  return text;
}

/** Terms never change, and sizes are printed for every key that they are a part of. */
const texts = new WeakMap<readonly Term[], string>();

function printTerms(terms: readonly Term[]): string {
  if (terms.length === 0) return '0';
  return terms
    .map((term, index) => {
      const magnitude = Math.abs(term.coefficient);
      const factors = [
        ...(magnitude === 1 && term.symbols.length > 0 ? [] : [String(magnitude)]),
        ...term.symbols,
      ];
      const sign = term.coefficient < 0 ? '-' : index > 0 ? '+' : '';
      return sign + factors.join('*');
    })
    .join('');
}
