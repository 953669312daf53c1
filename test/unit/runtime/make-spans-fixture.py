"""Fixture of span scores by the definition of the WNUT recipe: an I that continues nothing opens a span."""
import json, random
def spans(tags):
    out, st, ty = set(), None, None
    for i, t in enumerate(tags + ['O']):
        if st is not None and not (t[0] == 'I' and t[2:] == ty): out.add((st, i, ty)); st = None
        if t[0] != 'O' and st is None: st, ty = i, t[2:]
    return out
random.seed(7)
TAGS = ['O', 'O', 'B-person', 'I-person', 'B-creative-work', 'I-creative-work']
pairs = []
for _ in range(40):
    gold = [random.choice(TAGS) for _ in range(random.randint(1, 12))]
    pred = [g if random.random() < .7 else random.choice(TAGS) for g in gold]
    pairs.append((gold, pred))
S = [(spans(p), spans(g)) for g, p in pairs]
def prf(S):
    tp = sum(len(p & g) for p, g in S); a = sum(len(p) for p, _ in S); b = sum(len(g) for _, g in S)
    return dict(precision=tp / a, recall=tp / b, f1=2 * tp / (a + b), predicted=a, actual=b)
only = lambda l: [({x for x in p if x[2] == l}, {x for x in g if x[2] == l}) for p, g in S]
print(json.dumps(dict(pairs=pairs, spans=[sorted(g) for _, g in S], all=prf(S), **{l: prf(only(l)) for l in ('person', 'creative-work')})))
