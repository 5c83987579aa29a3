"""The package's structure: imports go one way, public names are complete, importing is light, no machine shows."""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hf_ser
from hf_ser import errors

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hf_ser"

# Data flows down this list: a module imports only from those above it. A new module takes its place here.
FLOW = """
    errors wording workers containers audio caching sound_prints quality
    corpora.labels corpora.synthesis corpora.archives corpora.files corpora.base corpora.fingerprints
    corpora.pooling corpora.cremad corpora.demo corpora.demos corpora.emodb corpora.emovo corpora.iemocap corpora.nemo
    corpora.ravdess corpora.savee corpora.tess corpora.tables corpora.own
    corpora
    checks
    splits.arguments splits.groups splits.lists splits.kinds splits.protocol splits
    models.choices models.padding models.silence models.excerpts models.colormaps models.transforms models.spectral
    models.medians models.cepstral models.pitch_tuning models.chroma models.contrast models.constant_q models.tonnetz
    models.separation models.composite models.kinds models.threads models.windows models.images models.recomputation
    models.freezing models.small_cnn models.alexnet models.badshah_cnn models.report_cnns models.backbones
    models.configuration models.feature_extraction models.waveform_extraction models.whisper_extraction models.modeling
    models.report_configuration models.report_wav2vec2
    models
    features
    augmentation.arguments augmentation.waveform augmentation.image augmentation.mixing augmentation
    values search_space waveform_arguments arguments inspection collators window_rows losses optimization runs
    metrics.confusion metrics.base metrics.accuracy metrics.macro_f1 metrics.per_class_recall metrics.uar
    metrics.weighted_f1 metrics.intervals metrics
    lora waveform_models training_checks training trials tuning retraining plots evaluation folds
    model_card_data templates model_card_check model_card
    inference feature_views feature_sheets feature_plots report rescoring order_scores feature_orders
    reproduction.tables reproduction.runs reproduction.scores reproduction.plots reproduction.commands
    reproduction.report reproduction.requests reproduction cli
"""
ORDER = FLOW.split()
# These make the package known, to the user and to transformers, and may name any module.
EXPORTING = {"", "registration"}


def module_name(path):
    """`corpora.base` for hf_ser/corpora/base.py, `corpora` for hf_ser/corpora/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(name):
    """Modules of hf_ser that a module imports anywhere, inside its functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{absolute_base(name, node)}.{alias.name}" for alias in node.names}
    return {nearest_module(target) for target in found if target.split(".")[0] == "hf_ser"} - {name}


def absolute_base(name, node):
    if not node.level:
        return node.module
    package = ["hf_ser", *name.split(".")]
    if MODULES[name].name != "__init__.py":
        package.pop()
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *filter(None, [node.module])])


def nearest_module(target):
    """`splits` for hf_ser.splits.make_split: the longest beginning that is a module."""
    parts = target.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts)


def test_every_module_has_its_place_in_the_order():
    assert set(MODULES) - EXPORTING - set(ORDER) == set()
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("name", [name for name in ORDER if name in MODULES])
def test_a_module_imports_only_from_those_before_it(name):
    place = {module: index for index, module in enumerate(ORDER)}
    place[""] = place["cli"] - 0.5  # the public names, for what comes after all of their modules
    assert [other for other in imported_modules(name) if place.get(other, len(ORDER)) >= place[name]] == []


def test_the_parser_of_imports_sees_absolute_relative_and_package_imports():
    assert {"errors", "splits.arguments", "models.configuration"} <= imported_modules("arguments")
    assert {"models.backbones", "models.windows"} <= imported_modules("models.modeling")
    assert "metrics.confusion" in imported_modules("metrics.intervals")


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("models.")])
def test_what_travels_with_a_checkpoint_imports_only_its_siblings_and_those_flat(name):
    path = MODULES[name]
    assert path.parent == PACKAGE / "models"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("hf_ser") for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            assert f"models.{node.module}" in MODULES  # `from .x import y`, x a sibling
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] != "hf_ser"


def test_public_names_are_sorted_and_complete():
    design = """load_corpus make_split extract_features read_audio SpectrogramFeatureExtractor SpectrogramConfig
        SpectrogramForAudioClassification parse_recipe build_feature_extractor build_model build_trainer evaluate_run
        render_model_card predict drop_bad_audio"""
    tree = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert hf_ser.__all__ == sorted([*design.split(), *tree])
    assert dir(hf_ser) == hf_ser.__all__


@pytest.mark.parametrize("name", hf_ser.__all__)
def test_each_public_name_comes_from_the_module_it_is_said_to(name):
    module = f"hf_ser.{hf_ser._MODULES[name]}"
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"`{module}` is not written yet")
    assert getattr(hf_ser, name) is getattr(importlib.import_module(module), name)
    assert getattr(hf_ser, name).__doc__


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"module `hf_ser` has no `make_splits`; it has .*`?make_split"):
        _ = hf_ser.make_splits


IMPORT = """
import sys, time
start = time.perf_counter()
import hf_ser
seconds = time.perf_counter() - start
print(seconds, *(name for name in ("torch", "transformers", "datasets", "timm", "numpy") if name in sys.modules))
"""


def test_importing_the_package_is_quick_and_loads_nothing_heavy():
    runs = [
        subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(3)
    ]
    assert [heavy for _, *heavy in runs] == [[], [], []]
    assert min(float(seconds) for seconds, *_ in runs) < 0.3


def repository_files():
    """Every text file that is published."""
    folders = (ROOT / name for name in ("hf_ser", "recipes", "tests", "model_cards", ".ci"))
    files = [path for folder in folders for path in folder.rglob("*")] + list(ROOT.iterdir())
    texts = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".cfg", ""}
    return [path for path in files if path.is_file() and path.suffix in texts and path.name != ".git"]


# A folder that only one machine has; `someone` is nobody, and stands for it in tests.
MACHINE_PATH = re.compile(r"(?<![\w.$])/(?:home|Users|root|work|opt|tmp|mnt|media|scratch|private)/(?!someone\b)\w")


def test_no_file_holds_a_path_of_one_machine():
    found = [str(path.relative_to(ROOT)) for path in repository_files() if MACHINE_PATH.search(read_text(path))]
    assert found == []


def test_a_path_of_one_machine_would_be_found():
    assert all(MACHINE_PATH.search(f"at '/{folder}/alice/a.wav'") for folder in ("home", "Users", "root", "tmp"))
    assert not any(map(MACHINE_PATH.search, ("tests/tmp/a", "hf_ser/work/a.wav", "https://a.org/home/b", "/dev/full")))


def read_text(path):
    return path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("name", MODULES)
def test_the_library_prints_nothing(name):
    nodes = ast.walk(ast.parse(read_text(MODULES[name])))
    assert not any(isinstance(node, ast.Name) and node.id == "print" for node in nodes)
