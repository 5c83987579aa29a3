"""Train one recipe: `accelerate launch recipes/train.py RECIPE.yaml [--key value ...]`."""

import logging
from pathlib import Path

from rich.console import Console
from transformers import pipeline

import hf_ser
from hf_ser.checks import drop_bad_audio
from hf_ser.errors import exit_in_one_line
from hf_ser.evaluation import summarize
from hf_ser.runs import close_run, find_checkpoint, open_run, save_model
from hf_ser.training import use_all_cores


def main() -> None:
    """Corpus, checks, features, split, model, training, evaluation, card, prediction: one line each."""
    recipe = hf_ser.parse_recipe()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("hf_ser").setLevel(logging.INFO if recipe.training.should_log else logging.WARNING)

    use_all_cores(recipe.training)
    with recipe.training.main_process_first(desc="corpus and features"):
        folder = open_run(recipe)
        checkpoint = find_checkpoint(folder)
        dataset = hf_ser.load_corpus(**recipe.corpus.as_options())
        dataset, skipped = drop_bad_audio(dataset, recipe.corpus.on_bad_audio)
        feature_extractor = hf_ser.build_feature_extractor(recipe)
        dataset = hf_ser.extract_features(dataset, feature_extractor, num_proc=recipe.corpus.num_proc)

    split = hf_ser.make_split(dataset, **recipe.split.as_options())
    model = hf_ser.build_model(recipe, dataset.features["label"].names, feature_extractor)
    trainer = hf_ser.build_trainer(recipe, model, feature_extractor, split)
    trainer.train(resume_from_checkpoint=checkpoint)

    results = hf_ser.evaluate_run(trainer, recipe, split, skipped)
    if trainer.is_world_process_zero():
        save_model(folder, trainer.model, feature_extractor)
        hf_ser.render_model_card(results, folder)
        close_run(folder, results)
        report(results, folder, split["test"][0])


def report(results: dict, folder: Path, clip: dict) -> None:
    """Print the score, and what the saved model says of one test clip."""
    console = Console()
    console.print(summarize(results))
    classifier = pipeline("audio-classification", model=str(folder), top_k=None)
    scores = classifier(hf_ser.read_audio(clip["audio"], classifier.feature_extractor.sampling_rate))
    heard = ", ".join(f"{score['label']} {score['score']:.2f}" for score in scores)
    console.print(f"{clip['utterance']} is {results['labels'][clip['label']]}; the model hears: {heard}")
    console.print(f"The run is in {folder}: weights, results.json, plots, predictions, README.md.")


if __name__ == "__main__":
    with exit_in_one_line():
        main()
