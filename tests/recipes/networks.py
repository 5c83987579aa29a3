"""What the network of each recipe must be, worked out from the papers' tables and never from our own networks.

A new recipe needs an entry in NETWORKS: the emotions it tells apart, the widths of its dense layers from what the
backbone gives to the last one, and which weights learn. A dense layer of a to b has a * b + b weights.
"""

from dataclasses import dataclass

DEMO = ("anger", "happiness", "neutral", "sadness")
EMODB = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
DEMOS = ("anger", "disgust", "fear", "guilt", "happiness", "neutral", "sadness", "surprise")
CORPORA = {"demo": DEMO, "emodb": EMODB, "demos": DEMOS}
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
        return self.backbone_weights + sum(a * b + b for a, b in zip(self.dense[:-1], self.dense[1:], strict=True))


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
VGG16_BLOCK5 = 3 * convolution(512, 512)
VGG16_BLOCK4 = convolution(256, 512) + 2 * convolution(512, 512)
VGG19_BLOCK5 = 4 * convolution(512, 512)
VGG19_BLOCK4 = convolution(256, 512) + 3 * convolution(512, 512)
# Keras's last 32 layers: 6d, 7a and the top; 6g without its expansion's convolution, 6h and the top.
EFFICIENTNET_C2 = inverted_residual(192, 192, 5) + inverted_residual(192, 320, 3) + (320 + 2) * 1280
EFFICIENTNET_V2_C2 = 2 * inverted_residual(192, 192, 3) - 192 * 1152 + (192 + 2) * 1280
# Rank 8 beside four matrices of 1024 x 1024 in 24 layers, and a share for each layer and for what is below them.
WAVLM_LORA = 24 * 4 * 8 * (1024 + 1024) + 25

VGG_HEAD, EFFICIENTNET_HEAD = (512, 512, 256, 8), (1280, 512, 256, 8)
LAST_BLOCK = features(24, 26, 28)
LAST_TWO_BLOCKS = features(17, 19, 21) + LAST_BLOCK
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
}
