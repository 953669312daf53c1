"""Writes hugging-face.json: what Hugging Face's own library makes of vocabularies that `lmc tokenize train` wrote.
usage: python3 hugging_face.py (needs `tokenizers`; reads ../shared/data/multi30k_en_de where it is; then prettier --write)"""
import gzip, hashlib, json, os, random, subprocess, tempfile, unicodedata
import tokenizers
from tokenizers import Tokenizer, pre_tokenizers

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.normpath(os.path.join(here, '..', '..', '..', '..'))
multi30k = os.path.join(root, '..', 'shared', 'data', 'multi30k_en_de')
draw = random.Random(1)

# By what the pattern and the normalizers look at; few of each class, so that classes meet.
pool = ["a", "b", "Z", "s", "t", "'", "'s", "'S", "’s", "'re", "'LL", " ", " ", "  ", "\n", "\t", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0",
        "\u1680", "\u180e", "\u2000", "\u200a", "\u200b", "\u200d", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "\0", "\x7f", "\xad",
        "1", "²", "½", "٣", "Ⅷ", "ⅷ", "①", "〇", "𝟘", "_", "-", "…", "€", "$", "©", "ß", "ẞ", "ä", "a\u0308", "Å", "A\u030a", "\u212b", "é", "e\u0301", "\u0301",
        "İ", "ı", "I", "Σ", "σ", "ς", "ΟΔΟΣ", "ДА", "да", "א", "ש\u05c1", "عربي", "हिन्दी", "क\u0958", "ไทย", "한", "\u1112\u1161\u11ab", "漢字", "カ\u3099", "ǅ", "ﬁ", "ª", "ʰ", "𝔄", "𐐀",
        "🙂", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "\ufe0f", "\u0378", "\ue000", "\U0010fffd", "\ufffd", "<s>", "<pad>", "<", ">"]
texts = ['', ' ', *pool, *(''.join(draw.choice(pool) for _ in range(draw.randint(2, 16))) for _ in range(260))]

def train(files, *options):
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, 'tokenizer.json')
        subprocess.run(['node', os.path.join(root, 'bin', 'lmc.js'), 'tokenize', 'train', *files, *options, '-o', target], check=True, stderr=subprocess.DEVNULL)
        return json.load(open(target, encoding='utf-8'))

def ids(file, lines): return [' '.join(map(str, each.ids)) for each in Tokenizer.from_str(json.dumps(file)).encode_batch(lines)]

demo = [os.path.join(root, 'demo', 'reviews.csv')]
plain, folded = train(demo, '--vocab-size', '500'), train(demo, '--vocab-size', '500', '--lowercase', '--nfc')
prefixed = json.loads(json.dumps(plain)); prefixed['pre_tokenizer']['add_prefix_space'] = True
cut = pre_tokenizers.ByteLevel(add_prefix_space=False)
out = {
    'library': f'tokenizers {tokenizers.__version__}',
    'texts': texts,
    'pieces': [[end - start for _, (start, end) in cut.pre_tokenize_str(text)] for text in texts],
    'plain': ids(plain, texts), 'folded': ids(folded, texts), 'prefixed': ids(prefixed, texts),
}
if os.path.isdir(multi30k):
    read = lambda name: gzip.open(os.path.join(multi30k, name), 'rt', encoding='utf-8', newline='').read().split('\n')
    files = [os.path.join(multi30k, name) for name in ('val.en.gz', 'val.de.gz')]
    lines = read('train.en.gz') + read('train.de.gz')
    out['multi30k'] = hashlib.sha256('\n'.join(ids(train(files, '--vocab-size', '1500', '--lowercase', '--nfc'), lines)).encode()).hexdigest()
json.dump(out, open(os.path.join(here, 'hugging-face.json'), 'w'), indent=2)
