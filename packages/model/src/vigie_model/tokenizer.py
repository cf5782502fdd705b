"""The tokens of a tweet, by the regular expressions of NLTK's TweetTokenizer.

The patterns below are those of `nltk.tokenize.casual` (NLTK 3.10, Apache License 2.0, © NLTK Project), word for word;
a test compares them with the installed NLTK. They are kept here, and not imported, for two reasons: an artifact's
scores must not change when NLTK is upgraded, and importing NLTK costs seconds at the start of every process.

No pattern of NLTK's matches across white space, except telephone numbers (not used here) and spaced-out ellipses (".
. ."). So a text may be split on white space first and each piece tokenised, and remembered, on its own. This is what
makes serving fast.
"""

import re

import regex

EMOTICONS = r"""
    (?:
      [<>]?
      [:;=8]                     # eyes
      [\-o\*\']?                 # optional nose
      [\)\]\(\[dDpP/\:\}\{@\|\\] # mouth
      |
      [\)\]\(\[dDpP/\:\}\{@\|\\] # mouth
      [\-o\*\']?                 # optional nose
      [:;=8]                     # eyes
      [<>]?
      |
      </?3                       # heart
    )"""

URLS = r"""         # Capture 1: entire matched URL
  (?:
  https?:               # URL protocol and colon
    (?:
      /{1,3}                # 1-3 slashes
      |                 #   or
      [a-z0-9%]             # Single letter or digit or '%'
                                       # (Trying not to match e.g. "URI::Escape")
    )
    |                   #   or
                                       # looks like domain name followed by a slash:
    [a-z0-9.\-]{1,255}[.]              # bounded to avoid catastrophic backtracking (ReDoS)
    (?:[a-z]{2,13})
    /
  )
  (?:                   # One or more:
    [^\s()<>{}\[\]]+            # Run of non-space, non-()<>{}[]
    |                   #   or
    \([^\s()]{0,255}?\([^\s()]{1,255}\)[^\s()]{0,255}?\) # balanced parens, one level deep: (...(...)...)
    |
    \([^\s]{1,255}?\)               # balanced parens, non-recursive: (...)
  )+
  (?:                   # End with:
    \([^\s()]{0,255}?\([^\s()]{1,255}\)[^\s()]{0,255}?\) # balanced parens, one level deep: (...(...)...)
    |
    \([^\s]{1,255}?\)               # balanced parens, non-recursive: (...)
    |                   #   or
    [^\s`!()\[\]{};:'".,<>?«»“”‘’]  # not a space or one of these punct chars
  )
  |                 # OR, the following to match naked domains:
  (?:
    (?<!@)                  # not preceded by a @, avoid matching foo@_gmail.com_
    [a-z0-9]+
    (?:[.\-][a-z0-9]+){0,126}  # bounded to avoid catastrophic backtracking (ReDoS); DNS allows at most 127 labels
    [.]
    (?:[a-z]{2,13})
    \b
    /?
    (?!@)                   # not succeeded by a @,
                            # avoid matching "foo.na" in "foo.na@example.com"
  )
"""

FLAGS = r"""
  (?:
    [\U0001F1E6-\U0001F1FF]{2}  # all enclosed letter pairs
    |
    # English flag
    \U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006e\U000E0067\U000E007F
    |
    # Scottish flag
    \U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F
    |
    # For Wales? Why Richard, it profit a man nothing to give his soul for the whole world … but for Wales!
    \U0001F3F4\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F
  )
"""

REGEXPS = (
    URLS,
    # ASCII Emoticons
    EMOTICONS,
    # HTML tags:
    r"""<[^>\s]+>""",
    # ASCII Arrows
    r"""[\-]+>|<[\-]+""",
    # Twitter username:
    r"""(?:@[\w_]+)""",
    # Twitter hashtags:
    r"""(?:\#+[\w_]+[\w\'_\-]*[\w_]+)""",
    # email addresses
    r"""[\w.+-]{1,64}@[\w-]{1,63}\.(?:[\w-]\.?){1,251}[\w-]""",
    # Zero-Width-Joiner and Skin tone modifier emojis
    r"""\S(?:
        [\U0001f3fb-\U0001f3ff]?(?:\u200d\S[\U0001f3fb-\U0001f3ff]?)+
        |
        [\U0001f3fb-\U0001f3ff]
    )""",
    # flags
    FLAGS,
    # Remaining word types:
    r"""
    (?:[^\W\d_](?:[^\W\d_]|['\-_])+[^\W\d_]) # Words with apostrophes or dashes.
    |
    (?:[+\-]?\d+[,/.:-]\d+[+\-]?)  # Numbers, including fractions, decimals.
    |
    (?:[\w_]+)                     # Words without apostrophes or dashes.
    |
    (?:\.(?:[^\S\r\n]*\.){1,})            # Ellipsis dots.
    |
    (?:\S)                         # Everything else that isn't whitespace.
    """,
)

_TOKEN = regex.compile(f"({'|'.join(REGEXPS)})", regex.VERBOSE | regex.I | regex.UNICODE)
_EMOTICON = regex.compile(EMOTICONS, regex.VERBOSE | regex.I | regex.UNICODE)

# A plain word and a few signs are most of what is not a plain word; what NLTK makes of it needs no search.
_WORD_AND_SIGNS = re.compile(r"([A-Za-z]{2,})(?:(\.+)|([,!?]+))")

# The patterns backtrack, at worst with the square of the length. A piece without white space is longer than this only
# in an attack, in a script that puts no spaces (where a token is one character or one run of letters anyway), or in a
# very long address.
_PIECE = 256


def tokenize(piece: str) -> list[str]:
    """The tokens of `piece`, a run of characters without white space, as NLTK's
    `TweetTokenizer(match_phone_numbers=False)` cuts it.

    A piece of more than 256 characters is cut every 256 first, which bounds the time.
    """
    if len(piece) <= _PIECE:
        if simple := _WORD_AND_SIGNS.fullmatch(piece):
            word, dots, signs = simple.groups()
            return [word, dots] if dots else [word, *signs]
        return _TOKEN.findall(piece)
    return [token for start in range(0, len(piece), _PIECE) for token in _TOKEN.findall(piece[start : start + _PIECE])]


def is_emoticon(token: str) -> bool:
    """Whether the whole token is a western emoticon such as `:-)`, `=D` or `<3`."""
    return _EMOTICON.fullmatch(token) is not None
