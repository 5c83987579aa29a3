"""What a recipe says of its split."""

from dataclasses import asdict, dataclass, field

PARTS = ("train", "validation", "test")


@dataclass
class SplitArguments:
    """How the clips are parted."""

    split: str = field(
        default="stratified",
        metadata={
            "help": "stratified, held-out-speakers, leave-one-speaker-out, leave-one-sentence-out, speaker-folds, "
            "k-fold, cross-corpus, fixed"
        },
    )
    split_seed: int = field(default=0, metadata={"help": "seed of the split, apart from the training's"})
    test: float = field(default=0.2, metadata={"help": "share of the clips in test (stratified)"})
    test_counts: dict[str, int] | None = field(
        default=None, metadata={"help": "emotion: clips in test, for every emotion, in place of `test` (stratified)"}
    )
    validation: float = field(
        default=0.1,
        metadata={
            "help": "share that chooses the checkpoint: of all clips, or of all speakers or sentences where whole "
            "ones are parted; of the training corpora (cross-corpus)"
        },
    )
    folds: int = field(default=10, metadata={"help": "number of folds (k-fold, speaker-folds)"})
    repeats: int = field(default=1, metadata={"help": "times that all clips are shuffled into folds anew (k-fold)"})
    fold: int | None = field(default=None, metadata={"help": "one fold alone, from 0; null runs all (kinds of folds)"})
    stratify_by: list[str] = field(
        default_factory=lambda: ["label"],
        metadata={"help": "columns in proportion, together: label, sex, corpus, speaker (stratified, k-fold)"},
    )
    test_speakers: list[str] | None = field(default=None, metadata={"help": "speakers in test (held-out-speakers)"})
    test_corpora: list[str] | None = field(default=None, metadata={"help": "corpora in test (cross-corpus)"})
    split_file: str | None = field(default=None, metadata={"help": "JSON file with the lists of utterances (fixed)"})
    speaker_independent: bool = field(default=False, metadata={"help": "claim that no speaker is shared; checked"})

    def as_options(self) -> dict[str, object]:
        """Arguments of `make_split`."""
        options = asdict(self)
        return {"kind": options.pop("split"), "seed": options.pop("split_seed"), **options}
