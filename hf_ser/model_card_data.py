"""The front matter of a model card: what the Hub reads to list, filter and compare models."""

import re

from huggingface_hub import EvalResult, ModelCardData

from hf_ser.wording import SCORE_NAMES, part_title

# Metric and averaging by which the Hub knows each score.
HUB_METRICS = {
    "uar": ("recall", "macro"),
    "accuracy": ("accuracy", None),
    "macro_f1": ("f1", "macro"),
    "weighted_f1": ("f1", "weighted"),
}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
WEIGHT_FILES = (".safetensors", ".bin", ".pt", ".pth")


def make_card_data(results: dict, model_id: str) -> ModelCardData:
    """The front matter, which the Hub reads."""
    corpus = results["corpus"]
    names = corpus["name"].split("+")  # of a pool, all of them
    tags = ["speech-emotion-recognition", "emotion-recognition", "audio-classification", "hf_ser", *names]
    return ModelCardData(
        language=card_language(corpus),
        **_licence(corpus),
        library_name="transformers",
        pipeline_tag="audio-classification",
        tags=tags + ["synthetic"] * corpus["synthetic"],
        datasets=names,
        metrics=["recall", "accuracy", "f1"],
        base_model=_base_model(results["recipe"]),
        model_name=model_id.rsplit("/", 1)[-1],
        eval_results=[_eval_result(name, value, results) for name, value in results["metrics"].items()],
    )


def _eval_result(name: str, value: float, results: dict) -> EvalResult:
    """One score for the model index, with the split that it holds for."""
    corpus, protocol = results["corpus"], results["protocol"]
    metric, average = HUB_METRICS[name]
    return EvalResult(
        task_type="audio-classification",
        task_name="Speech emotion recognition",
        dataset_type=corpus["name"],
        dataset_name=part_title(results, "test"),
        dataset_split="test",
        dataset_args={key: protocol[key] for key in ("split", "seed", "split_hash")},
        metric_type=metric,
        metric_name=SCORE_NAMES[name],
        metric_value=round(value, 4),
        metric_args={"average": average} if average else None,
    )


def _licence(corpus: dict) -> dict[str, str]:
    """Ours where the corpus is computed; else the terms of the corpus, which the weights were learned from."""
    if corpus["synthetic"]:
        return {"license": "apache-2.0"}
    if not corpus["home_page"]:
        return {"license": "unknown"}
    return {"license": "other", "license_name": "terms-of-the-corpus", "license_link": corpus["home_page"].split()[0]}


def card_language(corpus: dict) -> str | list[str] | None:
    """The language without its region, as the Hub wants it (`en-GB` -> `en`); a list for a pool, or None."""
    languages = list(dict.fromkeys(name.split("-")[0].lower() for name in corpus["language"].split(", ")))
    known = [language for language in languages if language not in {"", "und", "zxx"}]
    return known[0] if len(known) == 1 else known or None


def pretrained_weights(recipe: dict) -> str:
    """What training began from: the backbone's weights or a checkpoint; "" for a scratch network."""
    return recipe.get("backbone_weights") or recipe.get("checkpoint") or ""


def _base_model(recipe: dict) -> str | None:
    """The model on the Hub that training began from; None for a local file or a scratch network."""
    weights = pretrained_weights(recipe).removeprefix("hf-hub:").removeprefix("hf_hub:")
    return weights if is_hub_id(weights) else None


def is_hub_id(name: str) -> bool:
    """Whether `name` reads as `owner/model`."""
    return bool(HUB_ID.fullmatch(name)) and not name.endswith(WEIGHT_FILES)
