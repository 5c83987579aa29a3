"""Learning rates step by step, and each weight at its own."""

import pytest
import torch
from transformers import TrainerCallback, Wav2Vec2Config, Wav2Vec2ForSequenceClassification

from hf_ser.errors import RecipeError
from hf_ser.optimization import prepare_optimization, separate_backbone
from hf_ser.runs import find_checkpoint, open_run
from hf_ser.training import build_feature_extractor, build_model
from tests.trainings import LABELS, make_trainer

STEPS = ("--save_strategy", "steps", "--save_steps", "7", "--eval_strategy", "steps", "--eval_steps", "7")
SGD = ("--optim", "sgd", "--optim_args", "momentum=0.9,nesterov=true")
BOTH_RATES = ("--backbone_learning_rate", "5.0e-4", "--lr_decay_epochs", "1", *SGD)


class Rates(TrainerCallback):
    """Keeps the rates of every step; ends the program, as it seems, in the middle of an epoch."""

    def __init__(self, last_step=None):
        self.seen, self.last_step = {}, last_step

    def on_step_begin(self, args, state, control, optimizer=None, **kwargs):
        self.seen[state.global_step] = [group["lr"] for group in optimizer.param_groups]

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.last_step:
            raise KeyboardInterrupt


def train(trainer, **options):
    rates = Rates(**options)
    trainer.add_callback(rates)
    trainer.train()
    return rates.seen


def test_the_rate_falls_to_a_tenth_after_every_so_many_epochs(make_recipe, split):
    options = ("--learning_rate", "0.01", "--lr_decay_epochs", "2", "--num_train_epochs", "5")
    seen = train(make_trainer(make_recipe("steps", *options), split))
    expected = [0.01] * 10 + [0.001] * 10 + [0.0001] * 5  # five steps an epoch
    assert [seen[step][0] for step in range(25)] == pytest.approx(expected)


def test_the_steps_follow_the_warmup_and_count_accumulated_batches_once(make_recipe, split):
    options = ("--learning_rate", "1", "--lr_decay_epochs", "1", "--lr_decay_factor", "0.5", "--warmup_steps", "2")
    options += ("--gradient_accumulation_steps", "2", "--optim", "sgd", "--max_grad_norm", "1e-9")
    seen = train(make_trainer(make_recipe("warmup", *options), split))
    # Five batches of which two make a step: three steps an epoch.
    assert [seen[step][0] for step in range(9)] == pytest.approx([0, 0.5, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25])


def test_part_of_an_epoch_does_not_shift_the_steps(make_recipe, split):
    options = ("--learning_rate", "0.01", "--lr_decay_epochs", "1", "--num_train_epochs", "2.5")
    seen = train(make_trainer(make_recipe("part", *options), split))
    assert [seen[step][0] for step in range(13)] == pytest.approx([0.01] * 5 + [0.001] * 5 + [0.0001] * 3)


def rates_by_weight(optimizer, model):
    """name -> (rate, weight decay); a weight that is in no group, or in two, is told."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = [
        (names[id(weight)], (group["lr"], group["weight_decay"]))
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    assert len(groups) == len(dict(groups))
    return dict(groups)


def test_the_backbone_learns_at_its_own_rate_and_weights_decay_as_before(make_recipe, split):
    options = ("--weight_decay", "0.1")
    plain = make_trainer(make_recipe("plain", *options), split)
    apart = make_trainer(make_recipe("apart", *options, "--backbone_learning_rate", "5e-4"), split)
    before = rates_by_weight(plain.create_optimizer(), plain.model)
    after = rates_by_weight(apart.create_optimizer(), apart.model)
    assert after == {
        name: (5e-4 if name.startswith("backbone.") else 5e-3, decay) for name, (_, decay) in before.items()
    }
    assert {decay for _, decay in after.values()} == {0.0, 0.1}
    assert any(name.startswith("head.") for name in after)
    groups = apart.create_optimizer().param_groups
    assert len(groups) == 4  # asked for again, it is the same


def test_a_frozen_weight_is_in_no_group(make_recipe, split):
    recipe = make_recipe("frozen", "--backbone_learning_rate", "5e-4")
    trainer = make_trainer(recipe, split)
    frozen, *_ = trainer.model.backbone.parameters()
    frozen.requires_grad = False
    names = rates_by_weight(trainer.create_optimizer(), trainer.model)
    trained = {name for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    assert set(names) == trained
    assert len(trained) == len(list(trainer.model.parameters())) - 1


def test_the_backbone_of_a_transformers_model_is_its_base_model():
    config = Wav2Vec2Config(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, conv_dim=(4,),
        conv_kernel=(4,), conv_stride=(4,), num_conv_pos_embeddings=2, num_conv_pos_embedding_groups=2,
        classifier_proj_size=4,
    )  # fmt: skip
    model = Wav2Vec2ForSequenceClassification(config)
    optimizer = torch.optim.SGD([{"params": list(model.parameters())}], lr=1e-3)
    separate_backbone(optimizer, model, 1e-5)
    rates = {name: rate for name, (rate, _) in rates_by_weight(optimizer, model).items()}
    assert {name for name, rate in rates.items() if rate == 1e-3} == {
        *("projector.weight", "projector.bias", "classifier.weight", "classifier.bias")
    }
    assert {rate for name, rate in rates.items() if name.startswith("wav2vec2.")} == {1e-5}


def test_an_interrupted_training_goes_on_with_its_rates_and_ends_with_the_same_weights(make_recipe, split):
    whole = make_trainer(make_recipe("whole", *STEPS, *BOTH_RATES), split)
    expected = train(whole)
    assert expected[0] == pytest.approx([5e-3, 5e-3, 5e-4, 5e-4])
    assert expected[14] == pytest.approx([5e-5, 5e-5, 5e-6, 5e-6])
    with pytest.raises(KeyboardInterrupt):
        train(make_trainer(make_recipe("broken", *STEPS, *BOTH_RATES), split), last_step=9)
    recipe = make_recipe("broken", *STEPS, *BOTH_RATES)
    resumed, rates = make_trainer(recipe, split), Rates()
    resumed.add_callback(rates)
    resumed.train(resume_from_checkpoint=find_checkpoint(open_run(recipe)))
    assert rates.seen == {step: expected[step] for step in range(7, 15)}
    for (name, one), other in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    ("words", "kind", "options"),
    [
        ((), torch.optim.AdamW, {"betas": (0.9, 0.999), "weight_decay": 0.0}),
        (SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "lr": 5e-3}),
        (("--optim", "rmsprop", "--optim_args", "momentum=0.5"), torch.optim.RMSprop, {"momentum": 0.5}),
    ],
)
def test_the_optimiser_is_the_one_that_the_recipe_names(make_recipe, split, words, kind, options):
    optimizer = make_trainer(make_recipe("optimiser", *words), split).create_optimizer()
    assert type(optimizer) is kind
    for group in optimizer.param_groups:
        assert {key: group[key] for key in options} == options


def test_adamw_without_weight_decay_is_adam(make_recipe, split):
    """As the module says, and as a recipe of Adam relies on."""
    ours = make_trainer(make_recipe("adam"), split)
    ours.train()
    theirs = make_trainer(make_recipe("adam"), split)
    theirs.optimizer = torch.optim.Adam(theirs.model.parameters(), lr=5e-3)
    theirs.train()
    for (name, one), other in zip(ours.model.state_dict().items(), theirs.model.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--lr_decay_epochs", "5", "--lr_scheduler_type", "cosine"), "and `lr_scheduler_type: cosine` is none"),
        (("--lr_decay_epochs", "5", "--lr_scheduler_type", "linear"), "and `lr_scheduler_type: linear` is none"),
        (("--lr_decay_epochs", "5", "--max_steps", "9"), "give `num_train_epochs` in place of `max_steps`"),
        (("--lr_decay_factor", "0.5"), "`lr_decay_factor` needs `lr_decay_epochs`"),
        (("--lr_decay_epochs", "0"), "`lr_decay_epochs` is 0; it must be at least 1"),
        (("--lr_decay_epochs", "5", "--lr_decay_factor", "2"), "`lr_decay_factor` is 2; .* at least 0 and at most 1"),
        (("--optim", "sgd", "--optim_args", "momentun=0.9"), "`optim: sgd` ignores `momentun` of `optim_args`"),
        (("--optim", "sgd", "--optim_args", "weight_decay=0.1"), "ignores `weight_decay` of `optim_args`"),
        (("--optim_args", "eps=0.1"), r"`optim: adamw_torch\w*` ignores `eps` of `optim_args`"),
        (("--optim", "sgd", "--optim_args", "momentum"), "Write `optim_args` as `momentum=0.9,nesterov=true`"),
        (("--optim", "lion_8bit"), "`optim: lion_8bit` with `optim_args: None` cannot be made"),
        (("--freeze", "all", "--backbone_learning_rate", "1e-4"), "the backbone of Spectro.* is frozen. Leave it out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(make_recipe, words, sentence):
    with pytest.raises(RecipeError, match=sentence):  # noqa: PT012
        recipe = make_recipe("refused", *words)
        prepare_optimization(recipe, build_model(recipe, LABELS, build_feature_extractor(recipe)))


def test_a_model_without_a_backbone_has_no_rate_of_it(make_recipe):
    class Headless(torch.nn.Linear):
        @property
        def base_model(self):
            return self

    with pytest.raises(
        RecipeError, match="`backbone_learning_rate` needs a model with a backbone and a head; Headless"
    ):
        prepare_optimization(make_recipe("run", "--backbone_learning_rate", "1e-4"), Headless(2, 2))


@pytest.mark.parametrize("kind", ["constant", "constant_with_warmup"])
def test_a_constant_rate_may_be_said_to_be_constant(make_recipe, split, kind):
    recipe = make_recipe("constant", "--lr_decay_epochs", "1", "--lr_scheduler_type", kind)
    assert train(make_trainer(recipe, split))[14][0] == pytest.approx(5e-5)
