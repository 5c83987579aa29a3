"""The emotion words that all corpora share, so that a model of one corpus can be scored on another."""

EMOTIONS = (
    "anger",
    "boredom",
    "calm",
    "disgust",
    "excitement",
    "fear",
    "frustration",
    "guilt",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
)
