"""`import hf_ser` makes our classes known to transformers, before or after transformers is imported."""

import subprocess
import sys

import pytest

from tests.conftest import make_tiny_model

ORDERS = {
    "hf_ser first": "import hf_ser; from transformers import pipeline",
    "transformers first": "from transformers import pipeline; import hf_ser",
    "auto classes alone": "import hf_ser; from transformers import AutoModelForAudioClassification as pipeline",
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_saved_model_loads_by_its_auto_class(order, tmp_path, feature_extractor):
    make_tiny_model().save_pretrained(tmp_path)
    feature_extractor.save_pretrained(tmp_path)
    call = "pipeline.from_pretrained(sys.argv[1])"
    if "alone" not in order:
        call = 'pipeline("audio-classification", model=sys.argv[1]).model'
    program = f"import sys; {ORDERS[order]}; print(type({call}).__module__)"
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "hf_ser.models.modeling", done.stderr
