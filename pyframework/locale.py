"""Translations, and dates, numbers and lists as a language writes them.

Translations come from CSV files or from gettext catalogues; `load_translations` and `load_gettext_translations` read
them at the start of a program. `get` then gives the best `Locale` that there is for a user:

    locale = get("es_LA", "es")
    locale.translate("Sign out")
    locale.translate("%(count)d message", "%(count)d messages", count) % {"count": count}
"""

import codecs
import csv
import datetime
import gettext
import glob
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pyframework._locale_data import LOCALE_NAMES
from pyframework.log import gen_log

CONTEXT_SEPARATOR = "\x04"

_default_locale = "en_US"
_translations: dict[str, Any] = {}
_supported_locales = frozenset([_default_locale])
_use_gettext = False

_CODE = re.compile(r"[a-z]+(_[A-Z]+)?")
_FORMS = ("plural", "singular", "unknown")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_RIGHT_TO_LEFT = ("ar", "fa", "he")
_AM_PM = {"en": ("am", "pm"), "en_US": ("am", "pm"), "zh_CN": ("上午", "下午")}
_MONTHS = "January February March April May June July August September October November December".split()
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def get(*locale_codes: str) -> "Locale":
    """Return the first locale of these that there is, or one of its language, or else the default.

    :arg locale_codes: such as ``pt_BR``, the best first
    """
    return Locale.get_closest(*locale_codes)


def set_default_locale(code: str) -> None:
    """Set the locale that texts in the source are in, and that is used where no other fits."""
    global _default_locale
    _default_locale = code
    _support_what_is_loaded()


def load_translations(directory: str, encoding: str | None = None) -> None:
    """Load translations from CSV files, one a locale, such as ``es_LA.csv``.

    A row has a text, its translation, and perhaps ``plural`` or ``singular``. What is no locale or no row is logged.

    :arg directory: where they are
    :raises OSError: it cannot be listed; what was loaded before stays
    :arg encoding: of all of them; default by a byte order mark, and UTF-8 without one
    """
    global _use_gettext
    names = sorted(name for name in os.listdir(directory) if name.endswith(".csv"))
    _translations.clear()
    for name in names:
        path, code = os.path.join(directory, name), name.removesuffix(".csv")
        if not _CODE.fullmatch(code):
            gen_log.error("Unrecognized locale %r (path: %s)", code, path)
            continue
        with open(path, encoding=encoding or _encoding_of(path), newline="") as file:
            _translations[code] = _read_rows(file, path)
    _use_gettext = False
    _support_what_is_loaded()
    gen_log.debug("Supported locales: %s", sorted(_supported_locales))


def _encoding_of(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(2)
    return next((encoding for mark, encoding in _MARKS if start == mark), "utf-8-sig")


def _read_rows(lines: Iterable[str], path: str) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for number, row in enumerate(csv.reader(lines), 1):
        cells = [cell.strip() for cell in row]
        if len(cells) < 2:
            continue
        form = cells[2] if len(cells) > 2 else ""
        if form and form not in _FORMS:
            gen_log.error("Unrecognized plural indicator %r in %s line %d", form, path, number)
            continue
        texts.setdefault(form or "unknown", {})[cells[0]] = cells[1]
    return texts


def load_gettext_translations(directory: str, domain: str) -> None:
    """Load translations from gettext catalogues, ``{directory}/{locale}/LC_MESSAGES/{domain}.mo``.

    :arg directory: where the locales are
    :arg domain: the name of the catalogues, most often the program's
    """
    global _use_gettext
    _translations.clear()
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "*", "LC_MESSAGES", f"{domain}.mo"))):
        code = os.path.relpath(path, directory).partition(os.sep)[0]
        try:
            _translations[code] = gettext.translation(domain, directory, languages=[code])
        except Exception as error:
            gen_log.error("Cannot load translation for '%s': %s", code, error)
    _use_gettext = True
    _support_what_is_loaded()
    gen_log.debug("Supported locales: %s", sorted(_supported_locales))


def get_supported_locales() -> Iterable[str]:
    """Return the codes of all locales that there are."""
    return _supported_locales


def _support_what_is_loaded() -> None:
    global _supported_locales
    _supported_locales = frozenset([*_translations, _default_locale])


class Locale:
    """A language, perhaps of one country. Use `get`; subclasses know where the translations are.

    :arg code: such as ``pt_BR``
    """

    _cache: ClassVar[dict[str, "Locale"]] = {}

    def __init__(self, code: str) -> None:
        self.code = code
        self.name = LOCALE_NAMES.get(code, {}).get("name", "Unknown")
        self.rtl = code.startswith(_RIGHT_TO_LEFT)
        self._months = [self.translate(month) for month in _MONTHS]
        self._weekdays = [self.translate(day) for day in _WEEKDAYS]

    @classmethod
    def get_closest(cls, *locale_codes: str) -> "Locale":
        """Return the first of these that is supported, or of whose language there is a translation, or the default."""
        for code in locale_codes:
            language, *country = (code or "").replace("-", "_").split("_")
            if not language or len(country) > 1:
                continue
            for known in ["_".join([language.lower(), *(part.upper() for part in country)]), language.lower()]:
                if known in _supported_locales:
                    return cls.get(known)
            if code in _supported_locales:
                return cls.get(code)
        return cls.get(_default_locale)

    @classmethod
    def get(cls, code: str) -> "Locale":
        """Return a supported locale, always the same object."""
        if code not in cls._cache:
            assert code in _supported_locales, f"the locale {code!r} is not loaded"
            translations = _translations.get(code)
            if translations is not None and _use_gettext:
                cls._cache[code] = GettextLocale(code, translations)
            else:
                cls._cache[code] = CSVLocale(code, translations or {})
        return cls._cache[code]

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        """Return the translation of a text, or the text itself if there is none.

        :arg plural_message: the text for any number but one; needs `count`
        """
        raise NotImplementedError

    def pgettext(
        self, context: str, message: str, plural_message: str | None = None, count: int | None = None
    ) -> str:
        """Do as `translate`, for a text that means different things in different contexts; gettext only."""
        raise NotImplementedError

    def format_date(
        self,
        date: int | float | datetime.datetime,
        gmt_offset: int = 0,
        relative: bool = True,
        shorter: bool = False,
        full_format: bool = False,
    ) -> str:
        """Return a date and time as people say it: "2 minutes ago", "yesterday at 3:04 pm", "July 10, 1980 at 9:00 am".

        :arg date: seconds of the Unix clock, or a datetime; a naive one is in UTC
        :arg gmt_offset: minutes that the user's clock is behind UTC
        :arg relative: whether the distance from now may be said
        :arg shorter: whether to leave out the time of the day where there is a date
        :arg full_format: whether to say date and time even if it is not long ago
        """
        if isinstance(date, (int, float)):
            date = datetime.datetime.fromtimestamp(date, datetime.UTC)
        elif date.tzinfo is None:
            date = date.replace(tzinfo=datetime.UTC)
        now = datetime.datetime.now(datetime.UTC)
        if date > now:
            # Clocks differ a little; what is really to come is said in full.
            if relative and date - now < datetime.timedelta(minutes=1):
                date = now
            else:
                full_format = True
        offset = datetime.timedelta(minutes=gmt_offset)
        local, local_now = date - offset, now - offset
        passed = now - date
        if not full_format and relative and passed.days == 0:
            return self._ago(passed.seconds)
        form = self._date_form(local, local_now, passed.days, relative, full_format)
        if form != "%(time)s" and not shorter:
            form += " at %(time)s"
        return self.translate(form) % {
            "month_name": self._months[local.month - 1],
            "weekday": self._weekdays[local.weekday()],
            "day": str(local.day),
            "year": str(local.year),
            "time": self._time_of(local),
        }

    def _ago(self, seconds: int) -> str:
        minutes, hours = round(seconds / 60), round(seconds / 3600)
        if seconds < 50:
            return self.translate("1 second ago", "%(seconds)d seconds ago", seconds) % {"seconds": seconds}
        if seconds < 50 * 60:
            return self.translate("1 minute ago", "%(minutes)d minutes ago", minutes) % {"minutes": minutes}
        return self.translate("1 hour ago", "%(hours)d hours ago", hours) % {"hours": hours}

    def _date_form(
        self, local: datetime.datetime, now: datetime.datetime, days: int, relative: bool, full: bool
    ) -> str:
        if not full:
            if days == 0:
                return "%(time)s"
            if days == 1 and relative and local.day == (now - datetime.timedelta(days=1)).day:
                return "yesterday"
            if days < 5:
                return "%(weekday)s"
            if days < 334:  # eleven months: the year is clear
                return "%(month_name)s %(day)s"
        return "%(month_name)s %(day)s, %(year)s"

    def _time_of(self, date: datetime.datetime) -> str:
        halves = _AM_PM.get(self.code)
        if halves is None:
            return f"{date.hour}:{date.minute:02}"
        half, time = halves[date.hour >= 12], f"{date.hour % 12 or 12}:{date.minute:02}"
        return f"{half}{time}" if self.code.startswith("zh") else f"{time} {half}"

    def format_day(self, date: datetime.datetime, gmt_offset: int = 0, dow: bool = True) -> str:
        """Return a date as "Monday, January 22"; without `dow` as "January 22".

        :arg gmt_offset: minutes that the user's clock is behind UTC
        """
        local = date - datetime.timedelta(minutes=gmt_offset)
        form = "%(weekday)s, %(month_name)s %(day)s" if dow else "%(month_name)s %(day)s"
        return self.translate(form) % {
            "month_name": self._months[local.month - 1],
            "weekday": self._weekdays[local.weekday()],
            "day": str(local.day),
        }

    def list(self, parts: Any) -> str:
        """Return the parts as in "A, B and C"."""
        if len(parts) < 2:
            return str(parts[0]) if parts else ""
        comma = " و " if self.code.startswith("fa") else ", "
        return self.translate("%(commas)s and %(last)s") % {"commas": comma.join(parts[:-1]), "last": parts[-1]}

    def friendly_number(self, value: int) -> str:
        """Return a whole number with commas between thousands, where English is spoken."""
        return f"{value:,}" if self.code in ("en", "en_US") else str(value)


class CSVLocale(Locale):
    """A locale whose translations were in a CSV file.

    :arg translations: by plural, singular and unknown: translations by text
    """

    def __init__(self, code: str, translations: Mapping[str, Mapping[str, str]]) -> None:
        self.translations = translations
        super().__init__(code)

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        form = "unknown"
        if plural_message is not None:
            assert count is not None, "a plural_message needs a count"
            message, form = (message, "singular") if count == 1 else (plural_message, "plural")
        return self.translations.get(form, {}).get(message, message)

    def pgettext(
        self, context: str, message: str, plural_message: str | None = None, count: int | None = None
    ) -> str:
        if self.translations:
            gen_log.warning("pgettext is not supported by CSVLocale")
        return self.translate(message, plural_message, count)


class GettextLocale(Locale):
    """A locale whose translations are in a gettext catalogue."""

    def __init__(self, code: str, translations: gettext.NullTranslations) -> None:
        self.gettext = translations.gettext
        self.ngettext = translations.ngettext
        self._catalogue = translations
        super().__init__(code)

    def translate(self, message: str, plural_message: str | None = None, count: int | None = None) -> str:
        if plural_message is None:
            return self.gettext(message)
        assert count is not None, "a plural_message needs a count"
        return self.ngettext(message, plural_message, count)

    def pgettext(
        self, context: str, message: str, plural_message: str | None = None, count: int | None = None
    ) -> str:
        if plural_message is None:
            return self._catalogue.pgettext(context, message)
        assert count is not None, "a plural_message needs a count"
        start = context + CONTEXT_SEPARATOR
        found = self.ngettext(start + message, start + plural_message, count)
        # What the context does not have is translated without it.
        return self.ngettext(message, plural_message, count) if CONTEXT_SEPARATOR in found else found
