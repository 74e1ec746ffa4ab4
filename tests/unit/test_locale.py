"""Locales: translations from files, and what dates, numbers and lists look like."""

import datetime
import gettext
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyframework import locale
from pyframework.testing import ExpectLog

CSV = '"school","école"\n"%(count)d dog","%(count)d chien","singular"\n"%(count)d dogs","%(count)d chiens","plural"\n'


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("_translations", {}), ("_supported_locales", frozenset(["en_US"])), ("_use_gettext", False)):
        monkeypatch.setattr(locale, name, value)
    monkeypatch.setattr(locale, "_default_locale", "en_US")
    monkeypatch.setattr(locale.Locale, "_cache", {})
    yield


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "fr_FR.csv").write_text(CSV, encoding=encoding)
    (tmp_path / "readme.txt").write_text("no translation")
    locale.load_translations(str(tmp_path))
    french = locale.get("fr_FR")
    assert isinstance(french, locale.CSVLocale) and french.name == "Français"
    assert french.translate("school") == "école" and french.translate("unknown") == "unknown"
    assert french.translate("%(count)d dog", "%(count)d dogs", 1) % {"count": 1} == "1 chien"
    assert french.translate("%(count)d dog", "%(count)d dogs", 2) % {"count": 2} == "2 chiens"
    assert set(locale.get_supported_locales()) == {"en_US", "fr_FR"}


def test_an_encoding_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "fr.csv").write_text(CSV, encoding="latin-1")
    locale.load_translations(str(tmp_path), encoding="latin-1")
    assert locale.get("fr").translate("school") == "école"


def test_what_is_no_locale_and_no_row(tmp_path: Path) -> None:
    (tmp_path / "Nonsense.csv").write_text(CSV)
    (tmp_path / "de.csv").write_text('alone\n\n"a","b","dual"\n"school","Schule"\n', encoding="utf-8")
    with ExpectLog("tornado.general", "Unrecognized"):
        locale.load_translations(str(tmp_path))
    assert locale.get("de").translate("school") == "Schule" and locale.get("de").translate("a") == "a"


def test_gettext_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "de" / "LC_MESSAGES" / "app.mo").write_bytes(b"\xde\x12\x04\x95")
    with ExpectLog("tornado.general", "Cannot load translation for 'de'"):
        locale.load_gettext_translations(str(tmp_path), "app")
    assert locale.get("de").code == "en_US"


def test_gettext_that_is_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "none"):
        locale.load_gettext_translations(str(folder), "app")
        assert set(locale.get_supported_locales()) == {"en_US"}
    assert not caplog.records


class Clubs(gettext.NullTranslations):
    """A catalogue with a plural in one context and one in none."""

    def gettext(self, message: str) -> str:
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        texts = {"club": ("Verein", "Vereine"), "stick\x04club": ("Keule", "Keulen")}
        return texts.get(msgid1, (msgid1, msgid2))[n != 1]


def test_a_plural_that_its_context_does_not_have() -> None:
    german = locale.GettextLocale("de", Clubs())
    assert [german.pgettext("stick", "club", "clubs", count) for count in (1, 2)] == ["Keule", "Keulen"]
    assert [german.pgettext("organization", "club", "clubs", count) for count in (1, 2)] == ["Verein", "Vereine"]
    assert german.pgettext("stick", "cap", "caps", 2) == "caps"
    assert german.pgettext("organization", "club") == "club"


def test_a_folder_that_does_not_exist_takes_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "fr.csv").write_text(CSV, encoding="utf-8")
    locale.load_translations(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        locale.load_translations(str(tmp_path / "none"))
    assert locale.get("fr").translate("school") == "école"


def test_the_closest(tmp_path: Path) -> None:
    for code in ("pt_BR", "es"):
        (tmp_path / f"{code}.csv").write_text('"a","b"\n')
    locale.load_translations(str(tmp_path))
    for wanted, code in [
        (("pt-br",), "pt_BR"),
        (("PT_BR",), "pt_BR"),
        (("es_LA",), "es"),
        (("", "x_y_z", "es"), "es"),
        (("fr",), "en_US"),
    ]:
        assert locale.get(*wanted).code == code
    locale.set_default_locale("es")
    assert locale.get("fr").code == "es"


def test_a_plural_needs_a_count() -> None:
    with pytest.raises(AssertionError, match="needs a count"):
        locale.get("en_US").translate("a", "b")


def test_a_time_of_the_day() -> None:
    date = datetime.datetime(2013, 4, 28, 18, 5)
    shown = {}
    for code in ("en_US", "zh_CN", "de_DE", "fa_IR"):
        one = locale.CSVLocale(code, {})
        shown[code] = one.format_date(date, full_format=True)
        assert one.rtl == (code == "fa_IR")
    assert shown["en_US"] == "April 28, 2013 at 6:05 pm"
    assert shown["zh_CN"] == "April 28, 2013 at 下午6:05"
    assert shown["de_DE"] == "April 28, 2013 at 18:05"


def test_dates_that_are_not_long_ago() -> None:
    english, now = locale.get("en_US"), datetime.datetime.now(datetime.UTC)
    for passed, expected in [
        ({"seconds": 1}, "1 second ago"),
        ({"minutes": 3}, "3 minutes ago"),
        ({"hours": 1}, "1 hour ago"),
        ({"hours": 5}, "5 hours ago"),
    ]:
        assert english.format_date(now - datetime.timedelta(**passed)) == expected
        assert english.format_date((now - datetime.timedelta(**passed)).timestamp()) == expected
    assert english.format_date(now + datetime.timedelta(seconds=20)) == "0 seconds ago"
    assert english.format_date(now + datetime.timedelta(days=400)).count(",") == 1
    old = now - datetime.timedelta(days=100)
    assert english.format_date(old).startswith(f"{english._months[old.month - 1]} {old.day} at ")
    assert english.format_date(old, shorter=True) == f"{english._months[old.month - 1]} {old.day}"


def test_the_user_s_clock() -> None:
    english = locale.get("en_US")
    date = datetime.datetime(2013, 4, 28, 1, 30)
    assert english.format_date(date, gmt_offset=120, full_format=True) == "April 27, 2013 at 11:30 pm"
    assert english.format_day(date, gmt_offset=120) == "Saturday, April 27"
    assert english.format_day(date, dow=False) == "April 28"


def test_numbers_and_lists() -> None:
    english, german = locale.get("en_US"), locale.CSVLocale("de_DE", {})
    assert [english.friendly_number(n) for n in (0, 999, 1000, 1234567)] == ["0", "999", "1,000", "1,234,567"]
    assert german.friendly_number(1234567) == "1234567"
    assert [english.list(parts) for parts in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
        "", "A", "A and B", "A, B and C",
    ]  # fmt: skip
