"""Megatron-Energon: by its metadataset and as a dataset, raw and decoded, and by key; its order is its own."""

import json

from megatron.energon import (
    Cooker,
    DefaultTaskEncoder,
    Sample,
    WorkerConfig,
    basic_sample_keys,
    edataclass,
    get_loader,
    get_train_dataset,
    stateless,
)
from megatron.energon.cache.file_store import WebdatasetFileStore
from megatron.energon.epathlib import EPath
from mixes import MEDIA, check, media


@edataclass
class Talk(Sample):
    """A sample as it came: its members by name."""

    parts: dict


@stateless
def cook(sample):
    """Give all members."""
    kept = {name: part for name, part in sample.items() if not name.startswith("__")}
    return Talk(**basic_sample_keys(sample), parts=kept)


class Decoded(DefaultTaskEncoder):
    """Samples decoded by their suffixes, one by one."""

    cookers = (Cooker(cook),)

    def batch(self, samples):
        """Leave the samples as they are."""
        return samples

    def encode_batch(self, batch):
        """Leave them so."""
        return batch


class Raw(Decoded):
    """Samples as bytes."""

    decoder = None


def samples(place, encoder):
    """Give a dataset's samples by key."""
    dataset = get_train_dataset(
        str(place),
        task_encoder=encoder,
        worker_config=WorkerConfig.default_worker_config(0),
        batch_size=1,
        shuffle_buffer_size=None,
        max_samples_per_sequence=None,
        repeat=False,
    )
    found = [(sample.__key__, sample.parts) for batch in get_loader(dataset) for sample in batch]
    assert len(dict(found)) == len(found), "a key is there twice"
    return dict(sorted(found))


def read(export, _kind):
    """Read everything in each way."""
    place = export / "energon"
    raw, decoded = samples(place, Raw()), samples(place / "metadataset.yaml", Decoded())
    store = WebdatasetFileStore(EPath(str(place)))
    assert raw.keys() == decoded.keys()
    for key, parts in raw.items():
        record = json.loads(parts["json"])
        found = {name: [parts[part] for part in parts if part.startswith(name)] for name in MEDIA.values()}
        same = decoded[key]["json"] == record == json.loads(_content(store[f"{key}.json"]))
        sizes = [list(decoded[key][part].shape) for part in decoded[key] if part.startswith("image")]
        yield {**record, "key": key, "media": found, "same": same, "sizes": sizes}


def _content(stored):
    """Give a member as bytes, of what releases give: bytes, or bytes and where they are from."""
    return stored[0] if isinstance(stored, tuple) else stored


def expected(record, place, folder):
    """Give the record, its key, its media and the sizes of its pictures, which tell how often each path is named."""
    named = media(record)
    found = {MEDIA[name]: [(folder / "media" / path).read_bytes() for path in paths] for name, paths in named.items()}
    widths = {".jpg": 32, ".PNG": 33, ".jpeg": 34}
    sizes = [[3, 28, next(width for end, width in widths.items() if path.endswith(end))] for path in named["images"]]
    return {**record, "key": f"{place:09}", "media": found, "same": True, "sizes": sizes}


if __name__ == "__main__":
    check("megatron-energon", "megatron-energon", {"energon": read}, {"energon": expected})
