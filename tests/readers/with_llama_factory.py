"""LLaMA-Factory: its own loader and converter, with dataset_info.json as it is, and its count of placeholders."""

import tempfile
from pathlib import Path

from mixes import ROLES, check, singular, stand_in, without_id
from transformers import Seq2SeqTrainingArguments


def read(export, kind):
    """Read the dataset as the trainer's stages do; ids are not kept."""
    stand_in("torchaudio", "torchaudio")
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.data.mm_plugin import get_mm_plugin
    from llamafactory.hparams import DataArguments, ModelArguments

    plugin = get_mm_plugin("base")
    roots = export.parents[3] / "media"
    with tempfile.TemporaryDirectory() as scratch:
        model = ModelArguments(model_name_or_path="none", cache_dir=scratch)
        data = DataArguments(dataset=kind, dataset_dir=str(export / "llama_factory"), media_dir=str(roots))
        training = Seq2SeqTrainingArguments(output_dir=scratch, report_to="none", use_cpu=True)
        stage = "rm" if kind == "preference" else "sft"
        for row in _get_merged_dataset([kind], model, data, training, stage=stage):
            found = {name: row[f"_{name}"] or [] for name in ("images", "videos", "audios")}
            plugin._validate_messages([*row["_prompt"], *row["_response"][:1]], *found.values())
            yield _record(row, {name: [_below(path, roots) for path in paths] for name, paths in found.items()})


def _record(row, found):
    """Give the mix's record."""
    system = [{"from": "system", "value": row["_system"]}] if row["_system"] else []
    turns, answers = ([_turn(message) for message in row[name]] for name in ("_prompt", "_response"))
    if len(answers) == 2:
        ends = {"conversations": system + turns, **dict(zip(("chosen", "rejected"), answers, strict=True))}
    else:
        ends = {"conversations": system + turns + answers}
    return {"id": None, **singular(found), **ends}


def _turn(message):
    return {"from": ROLES[message["role"]], "value": message["content"]}


def _below(path, root):
    assert Path(path).is_file(), path
    return str(Path(path).relative_to(root))


if __name__ == "__main__":
    check("LLaMA-Factory", "llamafactory", {"llama_factory": read}, {"llama_factory": without_id})
