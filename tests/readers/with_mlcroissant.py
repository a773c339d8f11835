"""mlcroissant: croissant.json without complaint, and the records of the targets whose columns it tells."""

import logging

import mlcroissant
from mixes import check, from_messages, from_plural

logging.disable(logging.ERROR)  # it warns of `datePublished` and the like, which are the publisher's to add


def records(back):
    """Give what reads a target's records; `back` gives a row's record."""

    def read(export, _kind):
        dataset = mlcroissant.Dataset(jsonld=str(export / "croissant.json"))
        assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.errors
        told = {each.id for each in dataset.metadata.record_sets}
        if export.name == "jsonl" and len(list(export.glob("*.jsonl"))) > 1 and not told:
            return None  # a shard may lack a key that others have, so columns of shards are not told
        return (back(_texts(row)) for row in dataset.records(f"{export.name}_records"))

    return read


def _texts(value):
    """Give texts for bytes, lists for arrays, and keys without the record set's name."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {key.rsplit("/", 1)[-1]: _texts(each) for key, each in value.items() if each is not None}
    return [_texts(each) for each in value] if hasattr(value, "__iter__") and not isinstance(value, str) else value


if __name__ == "__main__":
    plural = {target: records(from_plural) for target in ("hf", "llama_factory", "parquet")}
    check("mlcroissant", "mlcroissant", {**plural, "jsonl": records(dict), "ms_swift": records(from_messages)})
