"""A results dict as a run leaves it: EMO-DB's seven emotions, scored by scikit-learn."""

import copy

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, recall_score

LABELS = ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"]
CONFUSION = np.array(
    [
        [24, 0, 0, 0, 2, 0, 0],
        [0, 13, 1, 0, 0, 1, 1],
        [0, 1, 7, 1, 0, 0, 0],
        [1, 0, 0, 11, 1, 1, 0],
        [4, 0, 0, 2, 8, 0, 0],
        [0, 2, 0, 0, 0, 13, 1],
        [0, 1, 0, 0, 0, 0, 11],
    ]
)
SPEAKERS = ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]
WOMEN = {"08", "09", "13", "14", "16"}


def make_results(confusion: np.ndarray = CONFUSION, **protocol) -> dict:
    """Results of a stratified split with these counts; keyword arguments replace entries of the protocol.

    `make_results(shared_speakers=[], test_speakers=["03", "08"])` gives a run on new speakers.
    """
    references, predictions = _unroll(confusion)
    speakers = np.resize(SPEAKERS, len(references))
    sexes = np.array(["female" if speaker in WOMEN else "male" for speaker in speakers])
    metrics = _scores(references, predictions)
    return copy.deepcopy(
        {
            "metrics": metrics,
            "intervals": {
                name: {"low": value - 0.07, "high": value + 0.06, "method": "95 % percentile bootstrap over speakers"}
                for name, value in metrics.items()
            },
            "per_class": _per_class(references, predictions),
            "per_speaker": _per_group(references, predictions, speakers),
            "per_sex": _per_group(references, predictions, sexes),
            "labels": LABELS,
            "confusion_matrix": confusion.tolist(),
            "protocol": _protocol(len(references)) | protocol,
            "corpus": _corpus(),
            "history": _history(),
            "probe": {"seed": 0, "seconds": 2.0, "sampling_rate": 16_000, "logits": [0.1, -0.2, 0.3, 0, 0.5, 0, 1]},
            "skipped_audio": [],
            "recipe": _recipe(),
            "versions": {"hf_ser": "0.1.0", "torch": "2.14.1", "transformers": "5.23.0"},
            "runtime": {
                "train_seconds": 612.4,
                "seconds_per_epoch": 20.4,
                "clips_per_second": 20.9,
                "peak_memory_mb": 1834.0,
                "hardware": "CPU, 2 cores",
            },
        }
    )


def make_synthetic_results() -> dict:
    """Results on synthetic speech by speakers that training did not hear."""
    results = make_results(shared_speakers=[], test_speakers=["s07", "s08"], split="leave-one-speaker-out")
    results["corpus"] |= {"name": "demo", "title": "Demo corpus", "language": "zxx", "synthetic": True}
    results["corpus"] |= {"licence": "Apache-2.0", "home_page": "", "citation": ""}
    results["recipe"] |= {"corpus": "demo", "backbone": "ser_small_cnn", "backbone_weights": None}
    return results


def _unroll(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """References and predictions that have this confusion matrix."""
    cells = np.repeat(np.arange(confusion.size), confusion.ravel())
    return cells // len(confusion), cells % len(confusion)


def _scores(references, predictions) -> dict[str, float]:
    present = {"labels": np.unique(references), "zero_division": 0}
    return {
        "uar": float(recall_score(references, predictions, average="macro", **present)),
        "accuracy": float(accuracy_score(references, predictions)),
        "macro_f1": float(f1_score(references, predictions, average="macro", **present)),
        "weighted_f1": float(f1_score(references, predictions, average="weighted", **present)),
    }


def _per_class(references, predictions) -> dict[str, dict]:
    columns = precision_recall_fscore_support(references, predictions, labels=range(len(LABELS)), zero_division=0)
    names = ("precision", "recall", "f1", "support")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {label: dict(zip(names, row, strict=True)) for label, row in zip(LABELS, rows, strict=True)}


def _per_group(references, predictions, groups) -> dict[str, dict]:
    table = {}
    for group in np.unique(groups):
        chosen = groups == group
        scores = _scores(references[chosen], predictions[chosen])
        table[str(group)] = {"uar": scores["uar"], "accuracy": scores["accuracy"], "support": int(chosen.sum())}
    return table


def _protocol(n_test: int) -> dict:
    return {
        "split": "stratified",
        "seed": 0,
        "split_hash": "9f2c41d07ab35e68",
        "n_train": 375,
        "n_validation": 53,
        "n_test": n_test,
        "shared_speakers": SPEAKERS,
        "shared_sentences": ["a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"],
        "shared_audio": [],
        "test_speakers": SPEAKERS,
        "selected_on": "validation uar",
    }


def _corpus() -> dict:
    return {
        "name": "emodb",
        "title": "EMO-DB (Berlin Database of Emotional Speech)",
        "language": "de",
        "licence": "free for research, as its home page says",
        "home_page": "http://emodb.bilderbar.info/",
        "citation": "Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss (2005). A database of German emotional speech.",
        "synthetic": False,
        "counts": dict(zip(LABELS, [127, 81, 46, 69, 71, 79, 62], strict=True)),
    }


def _history() -> list[dict]:
    """Thirty epochs as Trainer logs them: training and evaluation in entries of their own."""
    history = []
    for epoch in range(1, 31):
        history.append({"epoch": float(epoch), "loss": 0.25 + 1.7 * 0.88**epoch, "learning_rate": 1e-4})
        uar = 0.8 - 0.66 * 0.85**epoch - 0.004 * max(0, epoch - 22)
        eval_loss = 0.62 + 1.3 * 0.86**epoch + 0.012 * max(0, epoch - 18)
        history.append({"epoch": float(epoch), "eval_loss": eval_loss, "eval_uar": uar, "eval_accuracy": uar + 0.01})
    history.append({"epoch": 30.0, "train_runtime": 612.4})
    return history


def _recipe() -> dict:
    return {
        "corpus": "emodb",
        "data_dir": "/home/someone/corpora/emodb",
        "backbone": "mobilenetv2_100",
        "backbone_weights": "../weights/mobilenetv2_100.imagenet/model.safetensors",
        "features": "mel",
        "sampling_rate": 16_000,
        "n_mels": 128,
        "learning_rate": 1.0e-3,
        "num_train_epochs": 30,
        "mixup_alpha": 0.2,
        "class_weights": True,
        "split": "stratified",
        "seed": 0,
        "output_dir": "/home/someone/runs/emodb",
    }
