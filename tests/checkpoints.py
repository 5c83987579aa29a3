"""Checkpoints of a few thousand random weights, as networks of transformers for waveforms are published."""

import torch
from transformers import (
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
    WhisperForConditionalGeneration,
)

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
