"""WebDataset: samples in the order of the tars, with their media byte for byte, and pictures that decode."""

import json

import webdataset
from mixes import MEDIA, check, media


def read(export, _kind):
    """Read all tars."""
    tars = sorted(map(str, (export / "webdataset").glob("*.tar")))
    raw, seen = (webdataset.WebDataset(tars, shardshuffle=False) for _ in range(2))
    for sample, decoded in zip(raw, seen.decode("pil"), strict=True):
        record = json.loads(sample["json"])
        found = {key: [sample[part] for part in sample if part.startswith(key)] for key in MEDIA.values()}
        pictures = [decoded[part].getpixel((0, 0)) for part in decoded if part.startswith("image")]
        whole = decoded["json"] == record and len(pictures) == len(found["image"])
        yield {**record, "key": sample["__key__"], "media": found, "decodes": whole}


def expected(record, place, folder):
    """Give the record, its key and its media."""
    found = {
        MEDIA[name]: [(folder / "media" / path).read_bytes() for path in paths] for name, paths in media(record).items()
    }
    return {**record, "key": f"{place:09}", "media": found, "decodes": True}


if __name__ == "__main__":
    check("webdataset", "webdataset", {"webdataset": read}, {"webdataset": expected})
