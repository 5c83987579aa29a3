"""A search for hyper-parameters before a run's training, by Optuna: the recipe's `tune`, `trials` and `search_space`.

Each trial is a training of the recipe with other values, on the same training part and from the same seed; its score
is the best of its validation scores. The test part has no say. The values are drawn by

- `grid`: each combination once, in the order of the recipe;
- `random`: at random;
- `tpe`: Optuna's tree-structured Parzen estimator (Bergstra et al., 2011), which after ten random trials draws near
  the better of those before;
- `hyperband`: at random, and poor trials end early (Li et al., 2018, "Hyperband").

Hyperband runs rounds of successive halving: of many configurations, trained for few epochs, the best third goes on
for three times as many, and so on; its rounds ("brackets") differ in how early they begin to choose, for the first
epochs may mislead. Here Optuna's pruner does so one trial after the other. Each trial belongs to a bracket; after 1,
3, 9, ... epochs (in the next bracket 3, 9, ...) it goes on only if its score is among the best third of those that
the trials of its bracket have had there so far. So nothing waits for a round to be complete, early trials are judged
more mildly, and `trials`, not the number of epochs, says how many there are. Hyperband itself returns the best score
ever seen; here the winner is the best of the trials that were trained to their end.

All is drawn from the recipe's seed. A search that goes on asks Optuna for the same trials from the beginning and tells
it the scores on record, so that it ends as one that was never interrupted.
"""

import itertools
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

from datasets import DatasetDict
from transformers import SequenceFeatureExtractor

from hf_ser.arguments import Recipe, change_recipe
from hf_ser.errors import RecipeError, RunError
from hf_ser.runs import keep_tuning, read_tuning
from hf_ser.search_space import Choices, fill_elements
from hf_ser.training_checks import check_tuning, name_metric
from hf_ser.trials import COMPLETE, FAILED, NO_SEARCH, PRUNED, build_trial, describe_values, report_score, run_trial

logger = logging.getLogger(__name__)


def tune(recipe: Recipe, split: DatasetDict, feature_extractor: SequenceFeatureExtractor) -> Recipe:
    """The recipe with the values of the best trial; without `tune` the recipe as it is.

    Args:
        recipe: whose run folder holds the trials that an interrupted search has finished.
        split: its test part is not touched.
        feature_extractor: whose features the split holds.

    Raises:
        RecipeError: for a search that cannot be made.
        RunError: if no trial has a score.
    """
    if recipe.tuning.tune is None:
        return recipe
    check_tuning(recipe, has_validation=len(split["validation"]) > 0)
    build_trial(recipe, {}, split, feature_extractor)  # a mistake of the recipe itself is no trial's
    best = find_best(_search(recipe, split, feature_extractor), recipe.training.greater_is_better)
    logger.info("The best is trial %d: %s.", best["number"], describe_values(best["values"]))
    return change_recipe(recipe, **NO_SEARCH, **fill_elements(best["values"], recipe.options))


def describe_tuning(recipe: Recipe) -> dict[str, Any] | None:
    """What results.json tells of the search in a recipe's run folder; None for a run without one."""
    tuning = read_tuning(Path(recipe.training.output_dir))
    if tuning is None:
        return None
    best = find_best(tuning["trials"], recipe.training.greater_is_better)
    trials = [{key: value for key, value in trial.items() if key != "history"} for trial in tuning["trials"]]
    return tuning | {"trials": trials, "best": {key: best[key] for key in ("number", "values", "score", "epoch")}}


def find_best(records: list[dict[str, Any]], greater_is_better: bool) -> dict[str, Any]:
    """The trial with the best score of those that were trained to their end, the first of equals.

    Raises:
        RunError: if there is none.
    """
    complete = [record for record in records if record["state"] == COMPLETE]
    if not complete:
        reason = next((record["reason"] for record in records if record["state"] == FAILED), "it ended early.")
        raise RunError(
            f"None of the {len(records)} trials was trained to its end. One of them: {reason} Mend "
            "`search_space` or the recipe, and give another `--output_dir`."
        )
    return (max if greater_is_better else min)(complete, key=lambda record: record["score"])


def _search(recipe: Recipe, split: DatasetDict, feature_extractor: SequenceFeatureExtractor) -> list[dict[str, Any]]:
    """Every trial; those on record are told to Optuna and not trained again."""
    optuna, folder, space = _import_optuna(), Path(recipe.training.output_dir), recipe.space
    study = _create_study(optuna, recipe)
    if recipe.tuning.tune == "grid":
        space = {name: span if isinstance(span, Choices) else span.as_choices(name) for name, span in space.items()}
        _enqueue_grid(study, space)
    known, records = (read_tuning(folder) or {"trials": []})["trials"], []
    for number in range(recipe.tuning.trials or len(study.trials)):
        trial = study.ask()
        values = {name: span.suggest(trial, name) for name, span in space.items()}
        if number < len(known):
            records.append(_repeat_trial(recipe, trial, values, known[number]))
        else:
            records.append(run_trial(recipe, trial, values, split, feature_extractor))
            keep_tuning(folder, _describe_search(recipe, records))
        _tell(optuna, study, trial, records[-1])
    return records


def _import_optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise RecipeError("`tune` needs Optuna, and it is not installed: `pip install 'hf_ser[tune]'`.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would tell each trial in its own way, beside ours
    return optuna


def _create_study(optuna: ModuleType, recipe: Recipe) -> Any:
    """An optuna.Study in memory; its name, with a trial's number, decides on the trial's bracket."""
    method, pruner = recipe.tuning.tune, optuna.pruners.NopPruner()
    if method == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(max_resource=int(recipe.training.num_train_epochs))
    sampler = optuna.samplers.TPESampler if method == "tpe" else optuna.samplers.RandomSampler
    direction = "maximize" if recipe.training.greater_is_better else "minimize"
    return optuna.create_study(
        study_name="tuning", direction=direction, pruner=pruner, sampler=sampler(seed=recipe.training.seed)
    )


def _enqueue_grid(study: Any, space: dict[str, Choices]) -> None:
    """Let the study ask for each combination of a grid, the last key's values changing first."""
    for places in itertools.product(*(range(len(span.values)) for span in space.values())):
        study.enqueue_trial(dict(zip(space, places, strict=True)))


def _tell(optuna: ModuleType, study: Any, trial: Any, record: dict[str, Any]) -> None:
    states = optuna.trial.TrialState
    if record["state"] == COMPLETE:
        study.tell(trial, record["score"])
    else:
        study.tell(trial, state=states.PRUNED if record["state"] == PRUNED else states.FAIL)


def _repeat_trial(recipe: Recipe, trial: Any, values: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Report what is on record of a trial, as its training did."""
    if record["values"] != values:
        raise RunError(
            f"Trial {trial.number} in `{recipe.training.output_dir}` tried {describe_values(record['values'])}, and "
            f"this version of Optuna would try {describe_values(values)}. Give another `--output_dir` for a new run."
        )
    for entry in record["history"]:
        report_score(trial, entry["epoch"], entry["score"], recipe.training.num_train_epochs)
    return record


def _describe_search(recipe: Recipe, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "method": recipe.tuning.tune,
        "metric": f"validation {name_metric(recipe.training)}",
        "search_space": recipe.tuning.search_space,
        "trials": records,
    }
