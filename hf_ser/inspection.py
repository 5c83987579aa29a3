"""What a recipe would train and test on, looked at before any training: parts, balance, leaks, labels, quality."""

import dataclasses
from collections import Counter
from collections.abc import Iterator

from datasets import Dataset, DatasetDict

from hf_ser.arguments import CorpusArguments, Recipe
from hf_ser.checks import drop_bad_audio, find_duplicate_audio, find_near_duplicate_audio, list_known_bad_audio
from hf_ser.corpora import CORPORA, list_sources, load_corpus
from hf_ser.corpora.pooling import find_pool, read_mapping
from hf_ser.quality import find_outliers
from hf_ser.splits import count_folds, make_split
from hf_ser.splits.arguments import PARTS, SplitArguments
from hf_ser.splits.protocol import shared_audio, shared_values
from hf_ser.wording import list_some

FEWEST_CLIPS = 10  # of a speaker, before one emotion alone says something
CLIP_SPLITS = ("stratified", "k-fold")  # which part clips at random, and so the windows of one clip
IMBALANCE = 5  # times as many clips of the most frequent emotion as of the rarest


@dataclasses.dataclass(frozen=True)
class Finding:
    """One sentence about the data."""

    kind: str  # stop, leak, label, balance, quality, note
    text: str

    @property
    def is_serious(self) -> bool:
        """Whether training would refuse, or a score would not be what it seems."""
        return self.kind in ("stop", "leak", "label")


@dataclasses.dataclass(frozen=True)
class RecipeReport:
    """What `hf-ser check RECIPE` tells."""

    title: str
    n_folds: int
    parts: dict[str, dict[str, int]]  # part -> clips, speakers, each emotion, each sex; of the first fold
    findings: list[Finding]


def inspect_recipe(recipe: Recipe) -> RecipeReport:
    """Load the corpora of a recipe, read every file, part them as the recipe says, and report.

    A claim of speaker independence that does not hold is a finding here, and an error only in training.
    """
    corpus = load_corpus(**recipe.corpus.as_options())
    dataset, bad_files = drop_bad_audio(corpus, "skip")
    arguments = dataclasses.replace(recipe.split, speaker_independent=False)
    n_folds = count_folds(dataset, arguments)
    splits = [_part(dataset, arguments, fold) for fold in (range(n_folds) if n_folds > 1 else [arguments.fold])]
    findings = [
        *_find_split_windows(recipe),
        *_find_leaks(splits, recipe.split),
        *_find_namesakes(dataset, recipe.corpus),
        *_find_label_errors(dataset),
        *_compare_with_published(corpus, recipe.corpus),
        *_find_imbalance(dataset),
        *_find_bad_files(corpus, bad_files, recipe.corpus.on_bad_audio),
        *_find_odd_sounds(dataset),
    ]
    sources = list_sources(recipe.corpus.corpus, recipe.corpus.data_dir)
    title = " + ".join(CORPORA[source].find_card(folder).name for source, folder in sources)
    return RecipeReport(title, n_folds, {part: _count(splits[0][part]) for part in PARTS}, findings)


def _part(dataset: Dataset, arguments: SplitArguments, fold: int | None) -> DatasetDict:
    return make_split(dataset, **dataclasses.replace(arguments, fold=fold).as_options())


def _count(part: Dataset) -> dict[str, int]:
    """Clips, speakers, and clips of each emotion and sex in a part."""
    names = part.features["label"].names
    emotions, sexes = Counter(part["label"][:]), Counter(part["sex"][:])
    return {
        "clips": len(part),
        "speakers": len(set(part["speaker"][:]) - {""}),
        **{name: emotions[index] for index, name in enumerate(names)},
        **{f"sex: {sex or 'unknown'}": count for sex, count in sorted(sexes.items())},
    }


def _find_split_windows(recipe: Recipe) -> Iterator[Finding]:
    """The parts are counted in clips here, and trained and tested in windows."""
    if recipe.fine_tuning.split_windows and recipe.split.split in CLIP_SPLITS:
        yield Finding("leak", "`split_windows` splits single windows: those of a clip are in training and in test")


def _find_leaks(splits: list[DatasetDict], arguments: SplitArguments) -> Iterator[Finding]:
    """What test shares with training and validation, in any fold."""
    sounds = {tuple(group) for split in splits for group in shared_audio(split)}
    for group in sorted(sounds):
        yield Finding("leak", f"one recording in training and in test: {' = '.join(group)}")
    speakers = sorted({name for split in splits for name in shared_values(split, "speaker")})
    if speakers and arguments.speaker_independent:
        text = f"the recipe claims `speaker_independent: true`, but {list_some(speakers)} are in training and in test"
        yield Finding("leak", text)
    elif speakers:
        text = (
            f"speakers in training and in test: {list_some(speakers)}; the score is none for new speakers, and says so"
        )
        yield Finding("note", text)
    sentences = sorted({name for split in splits for name in shared_values(split, "sentence")})
    if sentences:
        text = f"sentences in training and in test: {list_some(sentences)}; the score is none for new words"
        yield Finding("note", text)
    nameless = sum(not name for part in splits[0].values() for name in part["speaker"][:])
    if nameless:
        kind = "stop" if arguments.speaker_independent else "note"
        yield Finding(kind, f"{nameless} clips do not name their speaker: nothing can be said about new speakers")


def _find_namesakes(dataset: Dataset, arguments: CorpusArguments) -> Iterator[Finding]:
    """Speakers of one name in several corpora of the user's own, which may be one person."""
    sources = list_sources(arguments.corpus, arguments.data_dir)
    own = [CORPORA[source].find_card(folder).name for source, folder in sources if not CORPORA[source].card.n_clips]
    corpora: dict[str, set[str]] = {}
    for corpus, speaker in set(zip(dataset["corpus"][:], dataset["speaker"][:], strict=True)):
        if corpus in own and speaker:
            corpora.setdefault(speaker.removeprefix(f"{corpus}-"), set()).add(corpus)
    names = sorted(name for name, owners in corpora.items() if len(owners) > 1)
    if names:
        text = f"speakers of one name in {' and '.join(own)} count as different people: {list_some(names)}"
        yield Finding("note", f"{text}; give them names of their own, or one corpus if they are the same")


def _find_label_errors(dataset: Dataset) -> Iterator[Finding]:
    """Labels that tell the corpus or the speaker, not the emotion."""
    names = dataset.features["label"].names
    for column, fewest in (("corpus", 1), ("speaker", FEWEST_CLIPS)):
        for group, counts in _count_labels(dataset, column).items():
            if group and len(counts) == 1 and counts.total() >= fewest and len(names) > 1:
                (label,) = counts
                text = f"all {counts.total()} clips of {column} `{group}` are labelled {names[label]}"
                yield Finding("label", text + _tell_source_labels(dataset, column, group))


def _tell_source_labels(dataset: Dataset, column: str, group: str) -> str:
    """The corpus's own codes of these clips, where there are several."""
    pairs = zip(dataset[column][:], dataset["source_label"][:], strict=True)
    codes = sorted({code for value, code in pairs if value == group})
    return f", though its files say {', '.join(codes)}" if len(codes) > 1 else ""


def _compare_with_published(dataset: Dataset, arguments: CorpusArguments) -> Iterator[Finding]:
    """Emotions of a published corpus whose clips are more or fewer than they should be after `map_emotions`."""
    if arguments.intensities is not None:
        return
    names, found = dataset.features["label"].names, _count_labels(dataset, "corpus")
    sources = [source for source, _ in list_sources(arguments.corpus, arguments.data_dir)]
    pool = find_pool(arguments.pool, sources, None) if arguments.pool else None
    mapping = read_mapping(pool.emotions if pool else arguments.map_emotions or {})
    for source in sources:
        card = CORPORA[source].card
        published = Counter()
        for emotion, count in card.emotion_counts.items():
            published[mapping.get(emotion, emotion)] += count
        counts = Counter({names[label]: count for label, count in found.get(card.name, Counter()).items()})
        wrong = [
            f"{emotion} {counts[emotion]} in place of {published[emotion]}"
            for emotion in sorted({*counts, *published} - {None})
            if counts[emotion] != published[emotion]
        ]
        if card.emotion_counts and wrong:
            yield Finding("label", f"`{card.name}` has not the counts that were published: {'; '.join(wrong)}")


def _find_imbalance(dataset: Dataset) -> Iterator[Finding]:
    """Emotions and sexes of very different frequency, and emotions that one corpus of several alone has."""
    names, emotions = dataset.features["label"].names, Counter(dataset["label"][:])
    (most, many), (least, few) = emotions.most_common()[0], emotions.most_common()[-1]
    if many > IMBALANCE * few:
        yield Finding(
            "balance", f"{names[most]} has {many} clips, {names[least]} {few}: consider `class_weights: balanced`"
        )
    sexes = Counter(sex for sex in dataset["sex"][:] if sex)
    if len(sexes) == 1:
        yield Finding("balance", f"every clip is of one sex, {next(iter(sexes))}")
    corpora = _count_labels(dataset, "corpus")
    for label, name in enumerate(names):
        owners = [corpus for corpus, counts in corpora.items() if counts[label]]
        if len(corpora) > 1 and len(owners) == 1:
            yield Finding("balance", f"{name} is in `{owners[0]}` alone: a model may know it by the recording")


def _find_bad_files(corpus: Dataset, bad_files: list[dict[str, str]], on_bad_audio: str) -> Iterator[Finding]:
    """Files that cannot be used; training refuses those that are not so as published, unless told to skip."""
    known = list_known_bad_audio(corpus)
    for bad in bad_files:
        kind = "quality" if bad in known or on_bad_audio == "skip" else "stop"
        yield Finding(kind, f"{bad['file']}: {bad['reason']}")


def _find_odd_sounds(dataset: Dataset) -> Iterator[Finding]:
    """Clips unlike the others, and clips that are there more than once."""
    for outlier in find_outliers(dataset):
        yield Finding("quality", str(outlier))
    for group in find_duplicate_audio(dataset):
        yield Finding("quality", f"the same sound under several names: {' = '.join(group)}")
    for group in find_near_duplicate_audio(dataset):
        yield Finding("quality", f"one recording, changed, under several names: {' ~ '.join(group)}")


def _count_labels(dataset: Dataset, column: str) -> dict[str, Counter]:
    """Label ids by the value of a column."""
    counts: dict[str, Counter] = {}
    for value, label in zip(dataset[column][:], dataset["label"][:], strict=True):
        counts.setdefault(value, Counter())[label] += 1
    return dict(sorted(counts.items()))
