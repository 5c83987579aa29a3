"""Run a paper's table: `python recipes/reproduce.py PAPER --data_dir DIR [--rows A,E] [--key value ...]`.

`--protocols published` or `beside` runs one of the two, `--seeds 0,1,2` runs each row as published with several seeds,
`--output_dir` is the folder of the runs and of `reproduction.md` (`runs/PAPER`). All other keys are the recipes'.
"""

import logging
import sys
from pathlib import Path

from hf_ser.errors import exit_in_one_line
from hf_ser.reproduction import interrupt_when_told_to_end, run_trainings
from hf_ser.reproduction.requests import parse_request, plan_trainings

RECIPES = Path(__file__).parent


def main() -> None:
    """Table, every recipe, then one training after another."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("hf_ser").setLevel(logging.INFO)
    interrupt_when_told_to_end()

    request = parse_request(sys.argv[1:], RECIPES)
    trainings = plan_trainings(request)
    report = run_trainings(request, trainings, RECIPES / "train.py")
    print(f"{len(trainings)} runs have ended; {report} tells them.")


if __name__ == "__main__":
    with exit_in_one_line():
        main()
