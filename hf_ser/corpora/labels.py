"""The emotion words that all corpora share, so that corpora can be pooled and a model of one be scored on another."""

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
    "pleasant surprise",
    "sadness",
    "surprise",
)

# What nearly every corpus has: the six of Ekman (1992) and neutral. A pool needs no word about them.
COMMON_EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# Words of published corpora, in lower case; letters alone are no words, for corpora disagree about them.
SYNONYMS = {
    "anger": ("angry", "ang", "wut", "ärger", "rabbia", "rab", "colère", "ira", "złość"),
    "boredom": ("bored", "langeweile", "noia"),
    "calm": ("calmness", "ruhe", "calma"),
    "disgust": ("disgusted", "dis", "ekel", "disgusto", "dégoût", "asco"),
    "excitement": ("excited", "exc", "aufregung"),
    "fear": ("fearful", "fea", "scared", "anxiety", "angst", "paura", "pau", "peur", "miedo", "strach"),
    "frustration": ("frustrated", "fru"),
    "guilt": ("guilty", "schuld", "colpa", "col"),
    "happiness": ("happy", "hap", "joy", "joyful", "freude", "gioia", "gio", "joie", "alegría", "radość"),
    "neutral": ("neutrality", "neu", "neutrale", "neutre", "neutralny"),
    "pleasant surprise": ("pleasant surprised", "pleasantly surprised", "ps"),
    "sadness": ("sad", "trauer", "tristezza", "tri", "tristesse", "tristeza", "smutek"),
    "surprise": ("surprised", "sur", "überraschung", "sorpresa", "sor", "zaskoczenie"),
}
# Letters in the names of Italian corpora, from the Italian word: pau = paura = fear.
ITALIAN_CODES = {
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
_WORDS = {word: emotion for emotion, words in SYNONYMS.items() for word in (emotion, *words)}


def read_emotion(word: str) -> str:
    """The shared word: `Happy`, `joy` and `Freude` are `happiness`; an unknown word stays itself."""
    plain = " ".join(word.casefold().replace("_", " ").replace("-", " ").split())
    return _WORDS.get(plain, plain)
