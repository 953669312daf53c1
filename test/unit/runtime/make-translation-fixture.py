"""Writes translation-fixture.json: BLEU and chrF of sacreBLEU 2.6.0.   usage: pip install sacrebleu==2.6.0; python3 make-translation-fixture.py"""
import json
import pathlib

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

hypotheses = [
    "Two dogs run across the grass, aren't they?",
    "A man (in a red shirt) sits at 10:30 - 3,5 km from home.",
    "Der Hund läuft über die grüne Wiese.",
    '"Well-known" prices: $1,000.50 &amp; 20% off!',
    "eine frau steht vor dem u-bahn-eingang",
]
references = [
    "Two dogs run over the grass, are they not?",
    "A man in a red shirt sits at 10:30, 3.5 km from home.",
    "Der Hund rennt über die grüne Wiese.",
    '"Well known" prices: $1,000.50 & 25% off!',
    "Eine Frau steht vor dem U-Bahn-Eingang.",
]
scores = []
for tokenize in ("13a", "none", "char"):
    for lowercase in (False, True):
        bleu = BLEU(tokenize=tokenize, lowercase=lowercase, smooth_method="none").corpus_score(hypotheses, [references])
        chrf = CHRF(lowercase=lowercase).corpus_score(hypotheses, [references])
        scores.append(
            dict(tokenize=tokenize, lowercase=lowercase, bleu=bleu.score, precisions=bleu.precisions, bp=bleu.bp,
                 hyp=bleu.sys_len, ref=bleu.ref_len, chrf=chrf.score)
        )
tokens = [Tokenizer13a()(text).split() for text in hypotheses]
pathlib.Path(__file__).with_name("translation-fixture.json").write_text(
    json.dumps(dict(hypotheses=hypotheses, references=references, scores=scores, tokens=tokens), indent=1, ensure_ascii=False)
)
