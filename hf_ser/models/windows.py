"""Clips of any length as windows or groups of one length."""

import torch


def cut_windows(clips: list[torch.Tensor], frames: int, hop: int | None) -> tuple[list[torch.Tensor], list[int]]:
    """Windows of `frames` every `hop` frames, as `window_starts` lays them.

    Args:
        clips: (frames, rows) each.

    Returns:
        the windows of all clips in one list, and how many each clip has.
    """
    windows, counts = [], []
    for clip in clips:
        starts = window_starts(len(clip), frames, hop)
        windows += [clip[start : start + frames] for start in starts]
        counts.append(len(starts))
    return windows, counts


def window_starts(length: int, frames: int, hop: int | None) -> list[int]:
    """First frames of the windows, every `hop` frames (default: half a window); the last one ends where the clip ends.

    No frame of the clip is left out when `hop` is at most `frames`.
    """
    if length < frames:
        raise ValueError(
            f"A clip of {length} frames is shorter than `window_frames` {frames}. "
            "Give the feature extractor a `min_duration` of at least one window."
        )
    last = length - frames
    starts = list(range(0, last + 1, hop or max(frames // 2, 1)))
    return starts if starts[-1] == last else [*starts, last]


def average_windows(logits: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """Logarithm of the mean probability over each clip's windows: (windows, classes) -> (clips, classes)."""
    groups = logits.log_softmax(dim=-1).split(counts)
    return torch.stack([group.logsumexp(dim=0) - torch.tensor(float(len(group))).log().item() for group in groups])


def group_by_length(clips: list[torch.Tensor]) -> list[list[int]]:
    """Indices of clips of equal length, the groups in the order of their first clip."""
    groups: dict[int, list[int]] = {}
    for index, clip in enumerate(clips):
        groups.setdefault(len(clip), []).append(index)
    return list(groups.values())
