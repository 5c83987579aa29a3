"""Spectral contrast: how far the peaks of each octave stand above its valleys."""

import numpy as np
import torch

from .spectral import power_to_db

# librosa.feature.spectral_contrast: the first band ends at so many Hz, so many octaves follow it, and this share of
# a band's bins counts as its peaks and its valleys.
FIRST_BAND = 200.0
OCTAVES = 6
QUANTILE = 0.02


def spectral_contrast(amplitude: torch.Tensor, mask: torch.Tensor, sampling_rate: int) -> torch.Tensor:
    """Decibels between the mean peak and the mean valley of seven bands, equal to librosa.feature.spectral_contrast.

    Args:
        amplitude: (batch, frames, bins).
        mask: (batch, frames), true where a frame belongs to the clip.

    Returns:
        (batch, frames, 7), the lowest band first.
    """
    bands = [_peaks_and_valleys(amplitude, *band) for band in contrast_bands(amplitude.shape[2], sampling_rate)]
    peaks, valleys = (torch.stack(values, dim=-1) for values in zip(*bands, strict=True))
    return power_to_db(peaks, mask, reference=1.0) - power_to_db(valleys, mask, reference=1.0)


def contrast_bands(bins: int, sampling_rate: int) -> list[tuple[int, int, int]]:
    """First bin, last bin (excluded) and number of peaks of each band.

    Each band but the lowest begins a bin early, and gives up its own last bin to the next, but the highest.

    Raises:
        ValueError: for a rate too low for the bands, and a transform too short to have bins in each.
    """
    if sampling_rate / 2 <= FIRST_BAND * 2 ** (OCTAVES - 1):
        raise ValueError(
            f"Spectral contrast takes bands up to {FIRST_BAND * 2**OCTAVES:.0f} Hz, the last from "
            f"{FIRST_BAND * 2 ** (OCTAVES - 1):.0f} Hz, and a rate of {sampling_rate} Hz ends at "
            f"{sampling_rate / 2:.0f} Hz. Use a `sampling_rate` of 16000 or more."
        )
    frequencies = np.fft.rfftfreq(2 * (bins - 1), 1 / sampling_rate)
    edges = [0.0, *(FIRST_BAND * 2.0**octave for octave in range(OCTAVES + 1))]
    bands = []
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        first, last = np.searchsorted(frequencies, low), np.searchsorted(frequencies, high, side="right")
        first, last = max(first - 1, 0), bins if number == OCTAVES else last
        if last - first < 2:
            raise ValueError(
                f"No bin of a {2 * (bins - 1)}-point transform falls into the band of {low:.0f} to {high:.0f} Hz. "
                "Use a larger `n_fft`."
            )
        bands.append((int(first), int(last) - (number < OCTAVES), max(int(np.rint(QUANTILE * (last - first))), 1)))
    return bands


def _peaks_and_valleys(
    amplitude: torch.Tensor, first: int, last: int, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of the `count` largest and of the `count` smallest bins of a band: (batch, frames) each."""
    band = amplitude[:, :, first:last]
    # numpy sorts many numbers at a time, and so in a tenth of torch's time
    band = torch.from_numpy(np.sort(band.numpy())) if band.device.type == "cpu" else band.sort().values
    return band[..., -count:].mean(dim=-1), band[..., :count].mean(dim=-1)
