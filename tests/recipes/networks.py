"""What the network of each recipe must be, worked out from the papers' tables and never from our own networks.

A new recipe needs an entry in NETWORKS: the emotions it tells apart, the widths of its dense layers from what the
backbone gives to the last one, and which weights learn.
"""

from dataclasses import dataclass

DEMO = ("anger", "happiness", "neutral", "sadness")
EMODB = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
DEMOS = ("anger", "disgust", "fear", "guilt", "happiness", "neutral", "sadness", "surprise")
REPORT = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
CORPORA = {"demo": DEMO, "emodb": EMODB, "demos": DEMOS, "corrected": REPORT}  # the last one is a pool
DEMOS_WITHOUT_NEUTRAL = ("anger", "disgust", "fear", "guilt", "happiness", "sadness", "surprise")


@dataclass(frozen=True)
class Network:
    """What a recipe builds."""

    emotions: tuple[str, ...]  # that it tells apart
    dense: tuple[int, ...]  # width that the backbone gives, then that of each dense layer
    learns: tuple[str, ...]  # modules all of whose weights learn; no other weight does. "" is the whole network
    backbone_weights: int  # that learn

    @property
    def weights(self) -> int:
        """That learn, in the backbone and in the head."""
        return self.backbone_weights + dense(*self.dense)


def dense(*widths):
    """Weights of dense layers with their biases."""
    return sum(inputs * outputs + outputs for inputs, outputs in zip(widths[:-1], widths[1:], strict=True))


def convolution(inputs, outputs, size=3):
    """Weights of a convolution with its bias."""
    return size * size * inputs * outputs + outputs


def inverted_residual(inputs, outputs, size):
    """Weights of EfficientNet's block of six times the width, squeezed to a quarter of its inputs."""
    width, squeezed = 6 * inputs, inputs // 4
    expansion = inputs * width + 2 * width
    squeeze = width * squeezed + squeezed + squeezed * width + width
    return expansion + size * size * width + 2 * width + squeeze + width * outputs + 2 * outputs


def features(*indices):
    """Convolutions of VGG, by their place in timm's list of layers."""
    return tuple(f"backbone.features.{index}" for index in indices)


# Four blocks of a convolution without bias and a batch norm.
SMALL_CNN = 9 * (1 * 16 + 16 * 32 + 32 * 64 + 64 * 96) + 2 * (16 + 32 + 64 + 96)
MOBILENET_V2 = 3_504_872 - 1_281_000  # torchvision's count, less the dense layer for 1000 classes
MOBILENET_V1 = 3_206_976 - 2 * 9 * 32  # Keras's count of trainable weights without its top, for one channel of three
CONVNEXT_TINY = 28_589_128 - 769_000  # torchvision's count, less the dense layer for 1000 classes
# ViT-S/16 (DeiT-small's 22.05 M) less the dense layer for 1000 classes, with 1 + 8 x 12 positions for 1 + 14 x 14.
VIT_SMALL = 22_050_664 - 385_000 - (196 - 96) * 384
VGG16 = 14_714_688  # Keras's count without its top
VGG16_BN = VGG16 + 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512)
VGG16_BLOCK5 = 3 * convolution(512, 512)
VGG16_BLOCK4 = convolution(256, 512) + 2 * convolution(512, 512)
VGG16_BLOCK3 = convolution(128, 256) + 2 * convolution(256, 256)
VGG19_BLOCK5 = 4 * convolution(512, 512)
VGG19_BLOCK4 = convolution(256, 512) + 3 * convolution(512, 512)
# Keras's last 32 layers: 6d, 7a and the top; 6g without its expansion's convolution, 6h and the top.
EFFICIENTNET_C2 = inverted_residual(192, 192, 5) + inverted_residual(192, 320, 3) + (320 + 2) * 1280
EFFICIENTNET_V2_C2 = 2 * inverted_residual(192, 192, 3) - 192 * 1152 + (192 + 2) * 1280
# Badshah's layers, with a pool behind each convolution; torchvision's AlexNet, less the layer for 1000 classes.
BADSHAH = convolution(3, 120, 11) + convolution(120, 256, 5) + convolution(256, 384) + dense(384 * 4 * 4, 2048, 2048)
ALEXNET = 61_100_840 - 4_097_000
# The report's tables: three convolutions with their batch norms, and the layers of the encoder.
REPORT_BLOCK = convolution(1, 16) + convolution(16, 32) + convolution(32, 64) + 2 * (16 + 32 + 64)
REPORT_TRANSFORMER = 2 * REPORT_BLOCK + 4 * 198_272
WAV2VEC2_BASE = 94_371_712  # of transformers' Wav2Vec2Model
# Rank 8 beside four matrices of 1024 x 1024 in 24 layers, and a share for each layer and for what is below them.
WAVLM_LORA = 24 * 4 * 8 * (1024 + 1024) + 25

VGG_HEAD, EFFICIENTNET_HEAD = (512, 512, 256, 8), (1280, 512, 256, 8)
RAGHEB_HEAD, REPORT_HEAD = (25088, 4096, 4096, 7), (25088, 512, 192, 7)
LAST_BLOCK = features(24, 26, 28)
LAST_TWO_BLOCKS = features(17, 19, 21) + LAST_BLOCK
LAST_THREE_BLOCKS = features(10, 12, 14) + LAST_TWO_BLOCKS
VGG19_LEARNS = ("head", *features(19, 21, 23, 25, 28, 30, 32, 34))
TOP = ("backbone.conv_head", "backbone.bn2", "head")
EFFICIENTNET_LEARNS = ("backbone.blocks.5.3", "backbone.blocks.6", *TOP)
LAST_OF_6G = tuple(f"backbone.blocks.5.6.{name}" for name in ("bn1", "conv_dw", "bn2", "se", "conv_pwl", "bn3"))
EFFICIENTNET_V2_LEARNS = (*LAST_OF_6G, "backbone.blocks.5.7", *TOP)
WAVLM_LEARNS = tuple(
    f"wavlm.encoder.layers.{layer}.attention.{matrix}.lora_{part}"
    for layer in range(24)
    for matrix in ("q_proj", "k_proj", "v_proj", "out_proj")
    for part in "AB"
)

NETWORKS = {
    "quickstart": Network(DEMO, (96, 4), ("",), SMALL_CNN),
    "emodb_mobilenetv2": Network(EMODB, (1280, 7), ("",), MOBILENET_V2),
    "beyond/audioset_mobilenet": Network(EMODB, (1024, 7), ("",), MOBILENET_V1),
    "beyond/convnext": Network(EMODB, (768, 7), ("",), CONVNEXT_TINY),
    "beyond/vit": Network(EMODB, (384, 7), ("",), VIT_SMALL),
    "beyond/wavlm_large_lora": Network(
        EMODB, (1024, 256, 7), (*WAVLM_LEARNS, "layer_weights", "projector", "classifier"), WAVLM_LORA
    ),
    "chakhtouna2023/vgg16_c1": Network(DEMOS, VGG_HEAD, ("head",), 0),
    "chakhtouna2023/vgg16_c2": Network(DEMOS, VGG_HEAD, ("head", *LAST_TWO_BLOCKS), VGG16_BLOCK4 + VGG16_BLOCK5),
    "chakhtouna2023/vgg19_c1": Network(DEMOS, VGG_HEAD, ("head",), 0),
    "chakhtouna2023/vgg19_c2": Network(DEMOS, VGG_HEAD, VGG19_LEARNS, VGG19_BLOCK4 + VGG19_BLOCK5),
    "chakhtouna2023/vgg19_c2_without_neutral": Network(
        DEMOS_WITHOUT_NEUTRAL, (512, 512, 256, 7), VGG19_LEARNS, VGG19_BLOCK4 + VGG19_BLOCK5
    ),
    "chakhtouna2023/efficientnet_b0_c1": Network(DEMOS, EFFICIENTNET_HEAD, ("head",), 0),
    "chakhtouna2023/efficientnet_b0_c2": Network(DEMOS, EFFICIENTNET_HEAD, EFFICIENTNET_LEARNS, EFFICIENTNET_C2),
    "chakhtouna2023/efficientnetv2_b0_c1": Network(DEMOS, EFFICIENTNET_HEAD, ("head",), 0),
    "chakhtouna2023/efficientnetv2_b0_c2": Network(
        DEMOS, EFFICIENTNET_HEAD, EFFICIENTNET_V2_LEARNS, EFFICIENTNET_V2_C2
    ),
    "badshah2017/cnn": Network(EMODB, (2048, 7), ("",), BADSHAH),
    "badshah2017/cnn_five_folds": Network(EMODB, (2048, 7), ("",), BADSHAH),
    "badshah2017/alexnet": Network(EMODB, (4096, 7), ("",), ALEXNET),
    "beyond/mobilenetv2": Network(EMODB, (1280, 7), ("",), MOBILENET_V2),
    "ragheb2022/a": Network(EMODB, RAGHEB_HEAD, ("",), VGG16_BN),
    "ragheb2022/b": Network(EMODB, RAGHEB_HEAD, ("",), VGG16),
    **{f"ragheb2022/{row}": Network(EMODB, RAGHEB_HEAD, ("",), VGG16_BN) for row in "cdef"},
    "report2023/model1_awgn": Network(REPORT, (512, 7), ("",), REPORT_BLOCK),
    "report2023/model1_tuning": Network(REPORT, (512, 7), ("",), REPORT_BLOCK),
    "report2023/model2_awgn": Network(REPORT, (1024, 7), ("",), 2 * REPORT_BLOCK),
    "report2023/model3_mfcc": Network(REPORT, (1152, 7), ("",), REPORT_TRANSFORMER),
    "report2023/model3_mfcc_awgn": Network(REPORT, (1152, 7), ("",), REPORT_TRANSFORMER),
    # 188 frames leave the blocks 64 x 4 x 5 in place of 64 x 4 x 2.
    "report2023/model3_mel": Network(REPORT, (2 * 1280 + 128, 7), ("",), REPORT_TRANSFORMER),
    "report2023/model3_mel_awgn": Network(REPORT, (2 * 1280 + 128, 7), ("",), REPORT_TRANSFORMER),
    "report2023/vgg16_experiment0": Network(REPORT, REPORT_HEAD, ("head",), 0),
    "report2023/vgg16_experiment1": Network(REPORT, REPORT_HEAD, ("head",), 0),
    "report2023/vgg16_experiment2": Network(REPORT, REPORT_HEAD, ("head",), 0),
    "report2023/vgg16_experiment3": Network(REPORT, REPORT_HEAD, ("head", *LAST_BLOCK), VGG16_BLOCK5),
    "report2023/vgg16_experiment4": Network(
        REPORT, REPORT_HEAD, ("head", *LAST_TWO_BLOCKS), VGG16_BLOCK4 + VGG16_BLOCK5
    ),
    "report2023/vgg16_experiment5": Network(
        REPORT, REPORT_HEAD, ("head", *LAST_THREE_BLOCKS), VGG16_BLOCK3 + VGG16_BLOCK4 + VGG16_BLOCK5
    ),
    "report2023/wav2vec2": Network(REPORT, (768, 7), ("",), WAV2VEC2_BASE),
}
