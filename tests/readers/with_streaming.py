"""MosaicML Streaming: the samples in order, hashes checked, of shards as they are and packed."""

import tempfile

from mixes import check, from_plural, stand_in


def read(export, _kind):
    """Read the shards through a folder of copies, as the handoff says."""
    stand_in("torchvision", "streaming.vision")
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    with tempfile.TemporaryDirectory() as scratch:
        remote = str(export / "streaming")
        yield from map(
            from_plural,
            StreamingDataset(
                remote=remote, local=f"{scratch}/copy", validate_hash="sha256", shuffle=False, batch_size=1
            ),
        )


if __name__ == "__main__":
    check("mosaicml-streaming", "mosaicml-streaming", {"streaming": read})
