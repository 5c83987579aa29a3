"""Two things of networks that read waveforms: that one begun at random learns, and what recomputation saves.

The first trains a tiny wav2vec2 on the synthetic demo corpus and scores it on two speakers that it has never heard;
it takes five minutes of a core. The second counts bytes for a network of wav2vec2-base's size; it takes 3 GB.

python -m pytest tests/benchmarks/test_waveform_networks.py -s
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification, Wav2Vec2Model

from tests.checkpoints import save_checkpoint

TRAIN = Path(__file__).parents[2] / "recipes" / "train.py"
# 80,000 weights, a frame each 10 ms.
TINY = {
    "hidden_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": (48,) * 5,
    "conv_stride": (5, 4, 2, 2, 2),
    "conv_kernel": (10, 8, 4, 4, 4),
    "num_feat_extract_layers": 5,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 48,
    "mask_time_prob": 0.0,
    "layerdrop": 0.0,
    "feat_extract_norm": "layer",
}
RECIPE = """
corpus: demo
split: held-out-speakers
test_speakers: ["f4", "m4"]
validation: 0.125
speaker_independent: true
checkpoint: {checkpoint}
freeze_feature_encoder: false
min_duration: 2.0
max_duration: 2.0
features: collator
speed_rates: [0.8, 1.25]
gain_db: [-6.0, 6.0]
waveform_probability: 0.8
output_dir: {output_dir}
num_train_epochs: 60
per_device_train_batch_size: 16
per_device_eval_batch_size: 32
learning_rate: 1.0e-03
lr_scheduler_type: cosine
warmup_steps: 0.1
weight_decay: 0.01
seed: 0
"""
LEAST_UAR = 0.6
LEAST_SAVED = 0.4
# Without dropout and masks, so that losses can be compared.
STILL = {
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "layerdrop": 0.0,
    "apply_spec_augment": False,
}


def test_a_tiny_wav2vec2_learns_from_nothing_and_hears_new_speakers(tmp_path):
    torch.manual_seed(0)
    checkpoint = save_checkpoint(tmp_path / "checkpoint", Wav2Vec2Model(Wav2Vec2Config(**TINY)))
    recipe, run = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(RECIPE.format(checkpoint=checkpoint, output_dir=run))
    subprocess.run([sys.executable, TRAIN, recipe], check=True)
    results = json.loads((run / "results.json").read_text())
    print(f"UAR on {results['protocol']['n_test']} clips of unseen speakers: {results['metrics']['uar']:.1%}")
    assert results["metrics"]["uar"] >= LEAST_UAR


@pytest.mark.parametrize("batch_size", [4, 16])
def test_recomputed_activations_are_not_kept(batch_size):
    """Clips of 3 s, float32, convolutions frozen; a megabyte is 1e6 bytes."""
    (loss, kept, peak, fixed), (same_loss, less_kept, lower_peak, _) = (
        measure(batch_size, is_recomputed) for is_recomputed in (False, True)
    )
    print(
        f"\n{batch_size} clips: the forward pass keeps {kept:.0f} MB, recomputed {less_kept:.0f} "
        f"({1 - less_kept / kept:.0%} less); a step's peak {peak:.0f} MB, recomputed {lower_peak:.0f} "
        f"({1 - lower_peak / peak:.0%} less), of which weights and gradients {fixed:.0f}"
    )
    assert same_loss == pytest.approx(loss, rel=1e-5)
    assert 1 - less_kept / kept >= LEAST_SAVED


def measure(batch_size, is_recomputed):
    """Loss, megabytes that the forward pass keeps, the peak of a step, and weights with their gradients."""
    torch.manual_seed(0)
    model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(num_labels=7, **STILL)).train()
    model.freeze_feature_encoder()
    if is_recomputed:
        model.activation_checkpointing_enable()
    waveforms, labels = torch.randn(batch_size, 48_000), torch.arange(batch_size) % 7
    weights = sum(weight.nbytes for weight in model.parameters())
    gradients = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    step = measure_on_gpu if torch.cuda.is_available() else measure_on_cpu
    loss, kept, peak = step(model, waveforms, labels)
    return loss, kept / 1e6, (weights + peak) / 1e6, (weights + gradients) / 1e6


def measure_on_gpu(model, waveforms, labels):
    """Loss, bytes that the forward pass keeps and the peak of a step, both without the weights."""
    model, waveforms, labels = model.cuda(), waveforms.cuda(), labels.cuda()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    loss = model(waveforms, labels=labels).loss
    kept = torch.cuda.memory_allocated() - before
    loss.backward()
    return loss.item(), kept, torch.cuda.max_memory_allocated() - before


def measure_on_cpu(model, waveforms, labels):
    """The same, from the allocations that torch's profiler sees."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        loss = model(waveforms, labels=labels).loss
        with torch.profiler.record_function("backward pass"):
            loss.backward()
    events = sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    begin = next(event.start_ns() for event in events if event.name() == "backward pass")
    total, kept, peak = 0, 0, 0
    for event in events:
        if event.name() == "[memory]":
            total += event.nbytes()
            kept = total if event.start_ns() < begin else kept
            peak = max(peak, total)
    return loss.item(), kept, peak
