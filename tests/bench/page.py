"""The page of results: a head and a section for each scale, both generated, and a part by hand that is kept as it is."""

from __future__ import annotations

import re
from pathlib import Path

BY_HAND = "<!-- By hand from here on: `make bench` keeps it. -->"
STUB = f"{BY_HAND}\n\n## Where the time goes\n"

HEAD = """# Benchmarks

`make bench SCALE=1` writes the tables of this page; `make bench` alone is a tenth of that size, takes minutes and prints
only. `make bench-peers` installs the other tools first. Trust ratios, not seconds: machines differ, and so do moments.

- **Job.** Five sources in LLaVA's format, 764,049 records and 1 GB at scale 1, modelled on the blocks of LLaVA-1.5's mix;
  a mix takes 665,298 of them, two or three sources sampled down, one shown more than once. Beside it raw VQAv2, GQA and
  Visual Genome in their published layouts and sizes. All data is generated, the same bytes everywhere.
- **Measurement.** Every run is a fresh process. Jobs take turns, A B C, A B C; outputs are removed in between; files are
  in the page cache, and free memory is touched before each run, since a virtual machine's host hands it out slowly. A
  ratio is taken inside a round; the table has the median, the lowest and the highest round. Wall and
  CPU seconds and private memory (RssAnon of the process tree, looked at each 10 ms, its highest) are medians of the job,
  in comparisons with another tool that tool's. Our builds are on disk when they end; `cp` is not, unless it says so.
- **Warm and cold.** A warm re-mix has its sources in the store and takes other amounts than the last build. Cold begins
  with an empty store.
- **Checks.** Every run of ours must give the same bytes, verified and counted; what other tools get wrong is listed.
- **orjson, a line a time:** one core, `loads` and `dumps` of the same records as JSON Lines, nothing checked or written.
- **orjson in pieces and a loop:** one process, collector off, reads about 1 MB a time, cuts at an edge that parsing
  proves, and writes one plain conversation an image; nothing validated, indexed, hashed or synced.
  `tests/bench/converters.py` is the whole of it.
"""


def write(path: Path, scale: str, section: str) -> None:
    """Put a scale's section on the page. Other scales' sections and the part by hand stay as they are."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    generated, found, by_hand = old.partition(BY_HAND)
    sections = dict(re.findall(r"<!-- scale (\S+) -->\n(.*?)<!-- end -->\n", generated, flags=re.DOTALL))
    sections[scale] = section.rstrip() + "\n"
    body = "\n".join(f"<!-- scale {each} -->\n{sections[each]}<!-- end -->\n" for each in sorted(sections, key=float))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}\n{body}\n{found + by_hand if found else STUB}", encoding="utf-8")
