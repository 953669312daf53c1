"""Writes the fixtures beside it: the same rows as different writers would. usage: python3 make.py (needs pyarrow)"""
import pyarrow as pa
import pyarrow.parquet as pq
from pathlib import Path

here = Path(__file__).parent
rows = 24
table = pa.table({
    "id": pa.array(range(rows), pa.int64()),
    "text": [f"good film number {n}" if n % 2 == 0 else f"bad Bücher {n}" for n in range(rows)],
    "label": pa.array([n % 2 for n in range(rows)], pa.int64()),
    "name": ["positive" if n % 2 == 0 else "negative" for n in range(rows)],
    "part": ["dev" if n % 6 == 4 else "held" if n % 6 == 5 else "train" for n in range(rows)],
    "score": [n / 2 for n in range(rows)],
    "hole": [None if n == 3 else "x" for n in range(rows)],
})
for codec in ["snappy", "none", "zstd"]:
    pq.write_table(table, here / f"{codec}.parquet", compression=codec, row_group_size=10)
pq.write_table(table, here / "plain.parquet", compression="snappy", use_dictionary=False, data_page_version="2.0")
