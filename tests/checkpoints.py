"""Checkpoints of a few thousand random weights, as networks of transformers for waveforms are published."""

import torch
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    UniSpeechConfig,
    UniSpeechForPreTraining,
    UniSpeechSatConfig,
    UniSpeechSatForPreTraining,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    Wav2Vec2ConformerModel,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForPreTraining,
    WavLMConfig,
    WavLMModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
    WhisperForConditionalGeneration,
)

from hf_ser.arguments import parse_recipe
from hf_ser.features import extract_features
from hf_ser.training import build_feature_extractor, build_model, build_trainer

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8, 8),
    "conv_stride": (5, 4),
    "conv_kernel": (10, 8),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "mask_time_prob": 0.0,
    "layerdrop": 0.0,
    "feat_extract_norm": "layer",
}
# Of networks that are published with what their pretraining needs.
QUANTIZER = {
    "num_codevectors_per_group": 4,
    "num_codevector_groups": 2,
    "codevector_dim": 8,
    "proj_codevector_dim": 8,
    "num_ctc_classes": 5,
    "num_clusters": 5,
}
KIN = {
    "wav2vec2": (Wav2Vec2ForPreTraining, Wav2Vec2Config),
    "wav2vec2-conformer": (Wav2Vec2ConformerModel, Wav2Vec2ConformerConfig),
    "hubert": (HubertModel, HubertConfig),
    "wavlm": (WavLMModel, WavLMConfig),
    "data2vec-audio": (Data2VecAudioModel, Data2VecAudioConfig),
    "unispeech": (UniSpeechForPreTraining, UniSpeechConfig),
    "unispeech-sat": (UniSpeechSatForPreTraining, UniSpeechSatConfig),
}
# Two seconds in 200 frames of 8 mels.
WHISPER = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_mel_bins": 8,
    "max_source_positions": 100,
    "classifier_proj_size": 8,
    "vocab_size": 60,
    "pad_token_id": 50,
    "bos_token_id": 51,
    "eos_token_id": 52,
    "decoder_start_token_id": 53,
    "begin_suppress_tokens": [1, 2],
}
LABELS = ["anger", "neutral", "sadness"]
NAMES = {"id2label": dict(enumerate(LABELS)), "label2id": {name: index for index, name in enumerate(LABELS)}}


def save_checkpoint(folder, network, **options):
    """A network with the feature extractor of wav2vec2; the path of its folder."""
    network.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(**{"return_attention_mask": True, **options}).save_pretrained(folder)
    return str(folder)


def make_kin(folder, kind):
    """Save one of KIN, or `whisper`; the path of its folder. Its SpecAugment hides two frames at once."""
    torch.manual_seed(0)
    if kind == "whisper":
        make_whisper(folder)
        return str(folder)
    network, config = KIN[kind]
    masks = {"mask_time_prob": 0.2, "mask_time_length": 2}
    return save_checkpoint(folder, network(config(**{**TINY, **QUANTIZER, **masks})))


def make_whisper(folder, classifier=False, **options):
    """Save Whisper, that speaks as it is published or classifies, in float16 as its larger ones are."""
    torch.manual_seed(0)
    names = NAMES if classifier else {}
    kind = WhisperForAudioClassification if classifier else WhisperForConditionalGeneration
    network = kind(WhisperConfig(**{**WHISPER, **names}))
    network.half().save_pretrained(folder)
    extractor = {"feature_size": 8, "chunk_length": 2, **options}
    WhisperFeatureExtractor(**extractor).save_pretrained(folder)
    return network.float().eval()


def parse_waveform_recipe(parent, checkpoint, *overrides):
    """A recipe of one epoch for a checkpoint; its run folder is `parent / "run"`."""
    lines = {
        "checkpoint": checkpoint,
        "max_duration": 0.4,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 8,
        "use_cpu": "true",
        "disable_tqdm": "true",
        "output_dir": parent / "run",
    }
    path = parent / "recipe.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return parse_recipe([str(path), *overrides])


def make_waveform_trainer(recipe, sounds):
    """The trainer of a recipe, and the sounds with their features."""
    extractor = build_feature_extractor(recipe)
    split = extract_features(sounds, extractor)
    return build_trainer(recipe, build_model(recipe, LABELS, extractor), extractor, split), split
