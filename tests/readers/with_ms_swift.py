"""ms-swift: the folder as its `--dataset`, by its loader and preprocessor, and what its templates take from each row."""

from mixes import ROLES, check, singular, without_id
from swift.dataset import load_dataset
from swift.template.template_inputs import TemplateInputs


def read(export, _kind):
    """Read the folder, where a bad row is an error; ids are not kept."""
    rows, rest = load_dataset(str(export / "ms_swift"), split_dataset_ratio=0, strict=True, load_from_cache_file=False)
    assert rest is None
    for row in rows:
        given = TemplateInputs.from_dict(row)
        turns, answers = _turns(given.chosen), {}
        if given.rejected:
            *before, worse = _turns(given.rejected)
            answers = {"chosen": turns.pop(), "rejected": worse}
            assert before == turns
        paths = {name: list(map(_path, getattr(given.chosen, name))) for name in ("images", "videos", "audios")}
        yield {"id": None, **singular(paths), "conversations": turns, **answers}


def _turns(side):
    system = [{"from": "system", "value": side.system}] if side.system is not None else []
    return system + [{"from": ROLES[message["role"]], "value": message["content"]} for message in side.messages]


def _path(medium):
    return medium["path"] if isinstance(medium, dict) else medium


if __name__ == "__main__":
    check("ms-swift", "ms-swift", {"ms_swift": read}, {"ms_swift": without_id})
