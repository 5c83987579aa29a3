"""Train one recipe: `accelerate launch recipes/train.py RECIPE.yaml [--key value ...]`."""

import logging

from rich.console import Console

import hf_ser
from hf_ser.errors import exit_in_one_line
from hf_ser.folds import pool_folds
from hf_ser.report import finish_run, report_run
from hf_ser.retraining import run_training
from hf_ser.runs import find_checkpoint, is_finished, keep_split, open_run, plan_runs, save_model
from hf_ser.splits import count_folds
from hf_ser.training import use_all_cores
from hf_ser.tuning import tune
from hf_ser.window_rows import part_windows


def main() -> None:
    """Corpus, checks, folds, features, then a training, or one for each fold: a line for each stage."""
    recipe = hf_ser.parse_recipe()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("hf_ser").setLevel(logging.INFO if recipe.training.should_log else logging.WARNING)
    use_all_cores(recipe.training)
    with recipe.training.main_process_first(desc="corpus and features"):
        folder = open_run(recipe)
        dataset = hf_ser.load_corpus(**recipe.corpus.as_options())
        dataset, skipped = hf_ser.drop_bad_audio(dataset, recipe.corpus.on_bad_audio)
        runs = plan_runs(recipe, count_folds(dataset, recipe.split))
        feature_extractor = hf_ser.build_feature_extractor(recipe, dataset)
        dataset = hf_ser.extract_features(dataset, feature_extractor, num_proc=recipe.corpus.num_proc)

    for run in [run for run in runs if not is_finished(run)]:
        train(run, dataset, feature_extractor, skipped)
    if recipe.training.process_index == 0:
        if len(runs) > 1:
            finish_run(folder, pool_folds(recipe, runs))
        Console().print(report_run(folder, dataset))


def train(recipe, dataset, feature_extractor, skipped) -> None:
    """Split, model, training, evaluation, card."""
    with recipe.training.main_process_first(desc="run folder"):
        folder = open_run(recipe)
        split = hf_ser.make_split(part_windows(dataset, recipe), **recipe.split.as_options())
        keep_split(folder, split, recipe.split)
        checkpoint = find_checkpoint(folder)
    recipe = tune(recipe, split, feature_extractor)
    model = hf_ser.build_model(recipe, dataset.features["label"].names, feature_extractor)
    trainer = hf_ser.build_trainer(recipe, model, feature_extractor, split)
    trainer = run_training(trainer, recipe, split, checkpoint)
    results = hf_ser.evaluate_run(trainer, recipe, split, skipped)
    if trainer.is_world_process_zero():
        save_model(folder, trainer.model, feature_extractor)
        finish_run(folder, results)


if __name__ == "__main__":
    with exit_in_one_line():
        main()
