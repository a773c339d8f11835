"""Hugging Face datasets, old and new: folders as they are, at once and as a stream; single pictures also as plain JSON."""

from datasets import disable_progress_bars, load_dataset
from mixes import PICTURES, check, from_messages, from_plural

disable_progress_bars()


def folder(back):
    """Give what reads a target's folder, whose card declares its columns; `back` gives a row's record."""

    def read(export, _kind):
        place = str(next(path for path in export.iterdir() if path.is_dir()))
        streamed = load_dataset(place, split="train", streaming=True)
        for row, other in zip(load_dataset(place, split="train"), streamed, strict=True):
            yield back(row) if row == other else {"stream": other}

    return read


def plain(export, kind):
    """Read JSON, whose types the library guesses; it fills absent keys with null."""
    files = sorted(map(str, export.glob(f"{kind}*.jsonl" if export.name == "jsonl" else f"{kind}*.json")))
    for row in load_dataset("json", data_files=files, split="train"):
        yield {key: value for key, value in row.items() if value is not None}


if __name__ == "__main__":
    read = {target: folder(from_plural) for target in ("hf", "parquet", "llama_factory")}
    read |= {"ms_swift": folder(from_messages), "jsonl": plain, "llava": plain}
    check("datasets", "datasets", read, kinds={"jsonl": [PICTURES], "llava": [PICTURES]})
