"""Features by librosa, which ours are measured against, and the measure."""

import librosa
import numpy as np

RATE = 22_050


def librosa_blocks(signal, split=None):
    """The composite's blocks as a plain script of librosa calls makes them: (rows, frames) each.

    Args:
        split: the harmonic and the percussive part, where they are known.
    """
    feature, options = librosa.feature, {"sr": RATE}
    parts = split or (librosa.effects.harmonic(signal), librosa.effects.percussive(signal))
    return {
        "mfcc": feature.mfcc(y=signal, n_mfcc=13, **options),
        "mel": feature.melspectrogram(y=signal, **options),
        "chroma": feature.chroma_stft(y=signal, **options),
        "contrast": feature.spectral_contrast(y=signal, **options),
        "tonnetz": feature.tonnetz(y=signal, **options),
        "harmonic_percussive": sum(feature.melspectrogram(y=part, n_mels=64, **options) for part in parts) / 2,
    }


def stack_blocks(blocks):
    """Rows of all blocks, each divided by its largest absolute value, one of zeros as it is."""
    rows = np.vstack(list(blocks.values()))
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    return rows / np.where(peaks == 0, 1, peaks)


def difference(actual, expected):
    """The largest difference against the largest value; 0 where both are silent."""
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    largest = np.abs(actual - expected).max()
    return largest / np.abs(expected).max() if largest else 0.0
