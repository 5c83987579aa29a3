"""The check of a model card, made offline: metadata, sections, figures, and numbers that agree with each other.

The Hub checks the metadata too, but on its server and only when a card is pushed.
"""

import math
import re
from pathlib import Path

import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

from hf_ser.errors import CardError
from hf_ser.wording import SCORE_NAMES

REQUIRED_KEYS = {"license", "library_name", "pipeline_tag", "tags", "datasets", "metrics", "model-index"}
REQUIRED_SECTIONS = [
    "Results", "Per emotion", "Per speaker and sex", "Confusion matrix", "Protocol", "Skipped audio", "How to use",
    "Labels", "Corpus", "Training", "Limits and intended use", "Licence", "Citation",
]  # fmt: skip
# Identifiers of the Hub's list (hub documentation, "Licenses") that occur with speech corpora and models.
LICENCES = {
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "gpl", "gpl-2.0", "gpl-3.0",
    "lgpl", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "isc", "zlib", "unlicense", "wtfpl", "artistic-2.0",
    "bsl-1.0", "afl-3.0", "ecl-2.0", "epl-1.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "ms-pl", "openrail",
    "bigscience-openrail-m", "creativeml-openrail-m", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5",
    "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "odbl", "odc-by", "pddl", "etalab-2.0",
    "unknown", "other",
}  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w.:/])(?:/(?:home|root|Users|tmp|mnt|media|data|work|opt|var|srv)/|[A-Z]:\\)[\w.-]+")
CODE_BLOCK = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)
# A score that is none, alone in the cell of a table.
NOT_A_NUMBER = re.compile(r"\|\s*-?(NaN|nan|inf|None)(?: %)?\s*(?=\|)")
ROUNDING = 0.00051  # half of the last digit of a percentage with one decimal, as a share

Sections = dict[str, str]


def check_model_card(card: str | Path) -> None:
    """Raise unless the card is complete and agrees with itself.

    Args:
        card: path of a README.md, whose figures must lie beside it, or the text of a card.

    Raises:
        CardError: with all problems found.
    """
    text, folder = _read(card)
    match = REGEX_YAML_BLOCK.search(text)
    if not match:
        raise CardError("The model card has no front matter; expected a YAML block between two lines of `---`.")
    metadata, body = _parse(match.group(2)), text[match.end() :]
    sections = split_sections(body)
    problems = [
        *_metadata_problems(metadata),
        *_model_index_problems(metadata),
        *_text_problems(body, sections),
        *_image_problems(body, folder),
        *_number_problems(metadata, sections),
    ]
    if problems:
        listed = "; ".join(f"({number}) {problem}" for number, problem in enumerate(problems, start=1))
        raise CardError(f"The model card has {len(problems)} problem(s): {listed}.")


def _read(card: str | Path) -> tuple[str, Path | None]:
    """Text of the card and the folder that it lies in, None where only the text was given."""
    if isinstance(card, str) and "\n" in card:
        return card, None
    path = Path(card)
    if not path.is_file():
        raise CardError(f"There is no model card at `{card}`; expected a README.md. Render it from results.json.")
    return path.read_text(encoding="utf-8"), path.parent


def _parse(front_matter: str) -> dict:
    """The front matter as a dict."""
    try:
        metadata = yaml.safe_load(front_matter)
    except yaml.YAMLError as error:
        raise CardError(f"The front matter of the model card is not valid YAML: {error}") from error
    if not isinstance(metadata, dict):
        raise CardError("The front matter of the model card is no mapping; expected lines of `key: value`.")
    return metadata


def split_sections(body: str) -> Sections:
    """Text by heading, code blocks left out."""
    parts = re.split(r"^#{1,3} +(.+?) *$", CODE_BLOCK.sub("", body), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def read_table(section: str) -> list[list[str]]:
    """Cells of the rows of the tables in a section, heads included."""
    lines = [line.strip() for line in section.splitlines() if line.strip().startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def _metadata_problems(metadata: dict) -> list[str]:
    """Missing keys, and identifiers that the Hub does not know."""
    problems = [f"`{key}` is missing from the front matter" for key in sorted(REQUIRED_KEYS - metadata.keys())]
    if metadata.get("pipeline_tag", "audio-classification") != "audio-classification":
        problems.append(f"`pipeline_tag` is {metadata['pipeline_tag']!r}; expected `audio-classification`")
    licence = metadata.get("license", "other")
    if licence not in LICENCES:
        problems.append(f"`license` is {licence!r}, which is no licence identifier of the Hub; `other` fits any text")
    if licence == "other" and not (metadata.get("license_name") and metadata.get("license_link")):
        problems.append("`license: other` needs `license_name` and `license_link`")
    return problems


def _model_index_problems(metadata: dict) -> list[str]:
    """A model index that huggingface_hub does not read back equal, or whose values are no scores."""
    index = metadata.get("model-index")
    if index is None:
        return []  # already named as a missing key
    try:
        name, results = model_index_to_eval_results(index)
    except (KeyError, TypeError, ValueError) as error:
        return [f"`model-index` cannot be read ({type(error).__name__}: {error})"]
    problems = []
    if eval_results_to_model_index(name, results) != index:
        problems.append("`model-index` holds entries that the Hub does not know")
    for result in results:
        if not _is_share(result.metric_value):
            problems.append(f"`model-index` gives {result.metric_name} as {result.metric_value!r}; expected 0 to 1")
        if result.metric_type not in metadata.get("metrics", []):
            problems.append(f"`model-index` holds `{result.metric_type}`, which `metrics` does not list")
    return problems


def _is_share(value: object) -> bool:
    """Whether a value is a finite number in 0..1."""
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def _text_problems(body: str, sections: Sections) -> list[str]:
    """Missing sections, values that are no numbers, paths of the machine, and a claim that the protocol denies."""
    problems = [f"section `{name}` is missing" for name in REQUIRED_SECTIONS if name not in sections]
    prose = re.sub(r"`[^`\n]*`", "", CODE_BLOCK.sub("", body))
    problems += [f"`{found}` stands in the text" for found in sorted(set(NOT_A_NUMBER.findall(prose)))]
    problems += [f"`{found}` is a path of one machine" for found in sorted(set(MACHINE_PATH.findall(body)))]
    protocol = _pairs(sections.get("Protocol", ""))
    shared = protocol.get("Speakers in both training and test", "none") != "none"
    unknown = protocol.get("Test speakers") == "not known"
    if "speaker-independent" in body.lower() and (shared or unknown):
        problems.append("the score is called speaker-independent, but the protocol does not show that it is")
    return problems


def _image_problems(body: str, folder: Path | None) -> list[str]:
    """Figures that are linked by an absolute path or do not lie beside the card."""
    links = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", body)
    problems = [] if links else ["no figure is linked"]
    for link in links:
        if Path(link).is_absolute() or "://" in link:
            problems.append(f"figure `{link}` is not linked by a relative path")
        elif folder is not None and not (folder / link).is_file():
            problems.append(f"figure `{link}` does not exist beside the card")
    return problems


def _number_problems(metadata: dict, sections: Sections) -> list[str]:
    """Scores, counts and tables that contradict each other."""
    try:
        return [*_score_problems(metadata, sections), *_count_problems(sections)]
    except (KeyError, ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        return [f"the tables of scores and counts cannot be read ({type(error).__name__}: {error})"]


def _score_problems(metadata: dict, sections: Sections) -> list[str]:
    """Scores that differ between the front matter, the table of results and the confusion matrix."""
    shown = {row[0]: _share(row[1]) for row in read_table(sections["Results"])[1:]}
    _, results = model_index_to_eval_results(metadata["model-index"])
    claims = [("the front matter", result.metric_name, result.metric_value) for result in results]
    matrix = _confusion(sections)
    correct = [row[i] for i, row in enumerate(matrix)]
    recalls = [right / sum(row) for right, row in zip(correct, matrix, strict=True) if sum(row)]
    claims.append(("the confusion matrix", SCORE_NAMES["uar"], sum(recalls) / len(recalls)))
    claims.append(("the confusion matrix", SCORE_NAMES["accuracy"], sum(correct) / sum(map(sum, matrix))))
    return [
        f"{name} is {shown[name]:.1%} in the table, but {value:.1%} by {source}"
        for source, name, value in claims
        if not abs(shown[name] - value) < ROUNDING
    ]


def _count_problems(sections: Sections) -> list[str]:
    """Counts of utterances that differ between the confusion matrix, the table per emotion and the protocol."""
    matrix, problems = _confusion(sections), []
    protocol = _pairs(sections["Protocol"])
    n_test = int(protocol["Test utterances"]) * int(protocol.get("Repeats", 1))
    if sum(map(sum, matrix)) != n_test:
        problems.append(f"the confusion matrix holds {sum(map(sum, matrix))} utterances, the protocol {n_test}")
    support = {row[0]: int(row[-1]) for row in read_table(sections["Per emotion"])[1:]}
    rows = [row[0] for row in read_table(sections["Confusion matrix"])[1:]]
    problems += [
        f"`{name}` has {sum(counts)} utterances in the confusion matrix, {support[name]} in the table per emotion"
        for name, counts in zip(rows, matrix, strict=True)
        if sum(counts) != support[name]
    ]
    labels = [row[1] for row in read_table(sections["Labels"])[1:]]
    if labels != rows:
        problems.append(f"the label map says {labels}, the confusion matrix {rows}")
    return problems


def _confusion(sections: Sections) -> list[list[int]]:
    """Counts of the confusion matrix, rows true."""
    return [[int(cell) for cell in row[1:]] for row in read_table(sections["Confusion matrix"])[1:]]


def _pairs(section: str) -> dict[str, str]:
    """A table of two columns as a dict."""
    return {row[0]: row[1] for row in read_table(section)}


def _share(text: str) -> float:
    """`81.3 %` as 0.813."""
    return float(text.removesuffix("%")) / 100
