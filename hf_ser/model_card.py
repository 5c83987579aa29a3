"""The model card: results.json, put into words for whoever finds the model."""

from pathlib import Path

from huggingface_hub import ModelCard

from hf_ser.errors import CardError, writing
from hf_ser.model_card_check import check_model_card
from hf_ser.model_card_data import card_language, make_card_data, pretrained_weights
from hf_ser.templates import describe_setting, render_template
from hf_ser.wording import (
    SCORE_NAMES,
    corpus_title,
    describe_search,
    file_name,
    fold_spread,
    part_title,
    percent,
    selected_epoch,
    speaker_claim,
)

TEMPLATE = Path(__file__).with_name("model_card_template.md")
NEEDED = {
    "metrics", "intervals", "per_class", "per_speaker", "per_sex", "labels", "confusion_matrix", "protocol", "corpus",
    "history", "probe", "skipped_audio", "recipe", "versions", "runtime",
}  # fmt: skip
RUNTIME_WORDS = {
    "hardware": ("Hardware", "{}"),
    "train_seconds": ("Training", "{:.0f} s"),
    "seconds_per_epoch": ("One epoch", "{:.1f} s"),
    "clips_per_second": ("Clips per second", "{:.1f}"),
    "peak_memory_mb": ("Peak memory", "{:.0f} MB"),
}
LONGEST_LIST = 60  # characters of speakers in a table's cell


def render_model_card(results: dict, folder: str | Path, model_id: str | None = None) -> ModelCard:
    """Write `README.md` into `folder`, from `results` and nothing else, and return the card.

    Args:
        results: content of results.json.
        folder: of the run; its figures are linked by name.
        model_id: name under which the card loads the model, the folder's own name unless given.

    Raises:
        CardError: if `results` lacks a part.
    """
    missing = sorted(NEEDED - results.keys())
    if missing:
        raise CardError(f"The results lack {missing}, which the model card needs. Evaluate the run again.")
    folder = Path(folder)
    card = ModelCard(render_template(TEMPLATE, _context(results, model_id or folder.resolve().name)))
    with writing(folder / "README.md", "Free some space, then render the card again from results.json."):
        card.save(folder / "README.md")
    check_model_card(folder / "README.md")
    return card


def _context(results: dict, model_id: str) -> dict:
    """What the template speaks of: the results, and what follows from them."""
    data, recipe, corpus = make_card_data(results, model_id), results["recipe"], results["corpus"]
    folds = results.get("folds", [])
    return results | {
        "front_matter": data.to_yaml(),
        "license": data.license,
        "model_id": model_id,
        "title": corpus_title(corpus),
        "trained_on": part_title(results, "train"),
        "tested_on": part_title(results, "test"),
        "language": describe_setting("language", card_language(corpus) or ""),
        "parted": "windows" if recipe.get("split_windows") else "utterances",
        "claim": speaker_claim(results["protocol"]),
        "backbone": recipe.get("backbone"),
        "weights": describe_setting("backbone_weights", pretrained_weights(recipe)),
        "licence": corpus["licence"].rstrip(". ") or "not stated",
        "sampling_rate": recipe.get("sampling_rate") or (results["probe"] or folds[0]["probe"])["sampling_rate"],
        "nothing_shared": "none" if any(results["protocol"]["test_speakers"]) else "not known",
        "weights_id": f"{model_id}/fold-00" if folds else model_id,
        "per_fold": ", mean of the folds" if folds else "",
        "fold_rows": [_fold_row(fold, results["metrics"]) for fold in folds],
        "fold_spreads": {name: fold_spread(results, name) for name in results["metrics"]} if folds else {},
        "score_names": SCORE_NAMES,
        "methods": list(dict.fromkeys(interval["method"] for interval in results["intervals"].values())),
        "shared_audio": [" = ".join(map(file_name, group)) for group in results["protocol"]["shared_audio"]],
        "settings": {key: describe_setting(key, value) for key, value in recipe.items() if value is not None},
        "search": describe_search(results),
        "epoch": selected_epoch(results),
        "runtime_rows": _runtime_rows(results["runtime"]),
    }


def _fold_row(fold: dict, metrics: dict) -> list[str]:
    """Number, test speakers, size and scores of a fold."""
    speakers = ", ".join(fold["protocol"]["test_speakers"]) or "not known"
    return [
        str(fold["fold"]),
        speakers if len(speakers) <= LONGEST_LIST else f"{len(fold['protocol']['test_speakers'])} speakers",
        str(fold["protocol"]["n_test"]),
        *(percent(fold["metrics"][name]) for name in metrics),
    ]


def _runtime_rows(runtime: dict) -> dict[str, str]:
    """What was measured, in words; a run that only evaluates measures less."""
    return {
        name: layout.format(runtime[key])
        for key, (name, layout) in RUNTIME_WORDS.items()
        if runtime.get(key) is not None
    }
