import copy
import datetime
import io
from unittest import mock

import pytest

import pyframework.options
from pyframework.options import Error, OptionParser

moment = datetime.datetime
span = datetime.timedelta


@pytest.fixture
def options():
    return OptionParser()


def parsed(value, **definition):
    parser = OptionParser()
    parser.define("x", **definition)
    assert parser.parse_command_line(["program", f"--x={value}"]) == []
    return parser.x


class TestValues:
    @pytest.mark.parametrize(
        "type, written, value",
        [
            (int, "-5", -5),
            (float, "1.5", 1.5),
            (str, "a=b,c", "a=b,c"),
            (str, "", ""),
            (bool, "yes", True),
            (bool, "F", False),
            (bool, "0", False),
            (moment, "2030-12-31 23:59:58", moment(2030, 12, 31, 23, 59, 58)),
            (moment, "2030-12-31T23:59", moment(2030, 12, 31, 23, 59)),
            (moment, "20301231", moment(2030, 12, 31)),
            (moment, "23:59", moment(1900, 1, 1, 23, 59)),
            (moment, "Tue Dec 31 23:59:58 2030", moment(2030, 12, 31, 23, 59, 58)),
            (span, "45", span(seconds=45)),
            (span, "1h 30min", span(hours=1, minutes=30)),
            (span, "-1.5e1 ms", span(milliseconds=-15)),
            (span, "2 weeks", span(days=14)),
            (span, "", span()),
            (lambda text: text * 2, "ab", "abab"),
        ],
    )
    def test_types(self, type, written, value):
        assert parsed(written, type=type) == value

    @pytest.mark.parametrize(
        "default, written, value", [(5, "6", 6), (True, "f", False), ("a", "6", "6"), (None, "6", "6")]
    )
    def test_type_of_the_default(self, default, written, value):
        assert parsed(written, default=default) == value

    @pytest.mark.parametrize(
        "type, written, value",
        [
            (int, "1,3,5:7", [1, 3, 5, 6, 7]),
            (int, "-1:1", [-1, 0, 1]),
            (int, "3:1", []),
            (str, "a, b:c", ["a", " b:c"]),
            (bool, "1,f", [True, False]),
            (float, "1.5,2", [1.5, 2.0]),
        ],
    )
    def test_multiple(self, type, written, value):
        assert parsed(written, type=type, multiple=True) == value

    @pytest.mark.parametrize(
        "type, written", [(moment, "tomorrow"), (moment, ""), (span, "5x"), (span, "x"), (span, "1h,")]
    )
    def test_bad_times(self, type, written):
        with pytest.raises(Error, match="write it as"):
            parsed(written, type=type)

    @pytest.mark.parametrize("definition", [{"type": int}, {"type": float}, {"type": int, "multiple": True}])
    @pytest.mark.parametrize("written", ["", "x", "1;2"])
    def test_bad_numbers(self, definition, written):
        with pytest.raises(ValueError):
            parsed(written, **definition)

    def test_multiple_is_empty_by_default(self, options):
        options.define("x", multiple=True)
        options.define("y", multiple=True)
        assert options.x == []
        assert options.x is not options.y


class TestAccess:
    def test_dashes_and_underscores_are_one(self, options):
        options.define("a-b", default=1)
        options.define("c_d", default=2)
        options["a_b"] = 3
        assert (options.a_b, options["a-b"], options["c-d"]) == (3, 3, 2)
        assert "a_b" in options and "c-d" in options
        assert list(options) == ["help", "a-b", "c_d"]
        assert options.as_dict() == dict(options.items()) == {"help": None, "a-b": 3, "c_d": 2}

    def test_unknown_names(self, options):
        with pytest.raises(AttributeError, match="'x'"):
            _ = options.x
        with pytest.raises(AttributeError, match="'x'"):
            options.x = 1
        with pytest.raises(AttributeError, match="'x'"):
            _ = options["x"]
        assert "x" not in options

    def test_a_value_must_be_of_the_type(self, options):
        options.define("x", type=int)
        options.define("xs", type=int, multiple=True)
        for name, value in (("x", "2"), ("x", 1.5), ("xs", 2), ("xs", [1, "2"]), ("xs", None)):
            with pytest.raises(Error, match=f"'{name}' must be"):
                options[name] = value
        options.x = None
        options.xs = [1, None]
        assert (options.x, options.xs) == (None, [1, None])

    def test_groups(self, options):
        options.define("a", default=1, group="g")
        options.define("b", default=2)
        assert options.groups() == {"", "g", __file__}
        assert options.group_dict("g") == {"a": 1}
        assert options.group_dict(__file__) == {"b": 2}
        assert options.group_dict("none") == {}
        assert set(options.group_dict("")) == {"help", "a", "b"}

    @pytest.mark.parametrize("name", ["a_b", "a-b", "help"])
    def test_a_name_is_defined_once(self, options, name):
        options.define("a-b")
        with pytest.raises(Error, match="already defined in"):
            options.define(name)

    def test_callback(self, options):
        seen = []
        options.define("x", default=1, callback=seen.append)
        options.x = 2
        options.parse_command_line(["program", "--x=3"])
        assert seen == [2, 3]

    def test_copy(self, options):
        options.define("x", default=1)
        twin = copy.deepcopy(options)
        twin.x = 2
        assert (options.x, twin.x) == (1, 2)


class TestCommandLine:
    def test_the_rest(self, options):
        options.define("v", default=False)
        assert options.parse_command_line(["program", "-v", "command", "--x=1"]) == ["command", "--x=1"]
        assert options.v is True
        assert options.parse_command_line(["program", "--", "--v=0"]) == ["--v=0"]
        assert options.parse_command_line(["program"]) == []
        assert options.parse_command_line([]) == []

    def test_the_arguments_are_not_changed(self, options):
        arguments = ["program", "--help=0", "x"]
        options.parse_command_line(arguments)
        assert arguments == ["program", "--help=0", "x"]

    def test_sys_argv(self, options, monkeypatch):
        options.define("x")
        monkeypatch.setattr("sys.argv", ["program", "--x=1"])
        options.parse_command_line()
        assert options.x == "1"

    @pytest.mark.parametrize("argument", ["--unknown", "--unknown=1", "-", "--=1", "--X=1"])
    def test_unknown_option(self, options, argument, capsys):
        options.define("x")
        with pytest.raises(Error, match=argument):
            options.parse_command_line(["program", argument])
        assert "Usage:" in capsys.readouterr().err

    def test_missing_value(self, options):
        options.define("x", type=int)
        with pytest.raises(Error, match="needs a value"):
            options.parse_command_line(["program", "--x", "5"])

    def test_parse_callbacks(self, options):
        calls = []
        options.add_parse_callback(lambda: calls.append("called"))
        options.parse_command_line(["program"], final=False)
        assert calls == []
        options.parse_command_line(["program"])
        assert calls == ["called"]

    def test_help(self, options, capsys):
        with pytest.raises(SystemExit) as exit:
            options.parse_command_line(["program", "--help"])
        assert exit.value.code == 0
        assert "--help" in capsys.readouterr().err


class TestHelp:
    def help_of(self, options):
        file = io.StringIO()
        options.print_help(file)
        return file.getvalue()

    def test_layout(self, options):
        options.define("the_port", default=80, help="where to listen", metavar="PORT", group="net")
        options.define("zero", default=0, group="net")
        options.define("empty", default="", group="net")
        text = self.help_of(options)
        assert "\nnet options:\n" in text
        assert f"  {'--the-port=PORT':<32} where to listen (default 80)\n" in text
        assert "(default 0)" in text
        assert "  --empty\n" in text

    def test_long_texts_are_wrapped(self, options):
        options.define("x", help="word " * 100, group="g")
        options.define("long" * 10, help="text", group="g")
        lines = self.help_of(options).splitlines()
        assert all(len(line) <= 79 for line in lines[4:])
        assert lines[lines.index("  --" + "long" * 10) + 1] == " " * 35 + "text"


class TestConfigFile:
    def parse(self, tmp_path, text, **definition):
        parser = OptionParser()
        parser.define("x", **definition)
        file = tmp_path / "config.py"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        parser.parse_config_file(str(file))
        return parser.x

    @pytest.mark.parametrize(
        "text, definition, value",
        [
            ("x = 5", {"type": int}, 5),
            ("x = '5'", {"type": int}, 5),
            ("x = [1, 2]", {"type": int, "multiple": True}, [1, 2]),
            ("x = '1:3'", {"type": int, "multiple": True}, [1, 2, 3]),
            ("x = '5s'", {"type": span}, span(seconds=5)),
            ("x = 'false'", {"type": bool}, False),
            ("x = 'é'", {"type": str}, "é"),
            ("unknown = 5", {"default": "kept"}, "kept"),
            ("from os import sep as x", {}, "/"),
        ],
    )
    def test_values(self, tmp_path, text, definition, value):
        assert self.parse(tmp_path, text, **definition) == value

    @pytest.mark.parametrize("text", ["x = 1.5", "x = b'1'", "x = [1]"])
    def test_values_of_another_type(self, tmp_path, text):
        with pytest.raises(Error, match="must be int"):
            self.parse(tmp_path, text, type=int)

    @pytest.mark.parametrize(
        "text, error", [("x = (", SyntaxError), ("1/0", ZeroDivisionError), (b"\xff", UnicodeDecodeError)]
    )
    def test_broken_files(self, tmp_path, text, error):
        with pytest.raises(error):
            self.parse(tmp_path, text)

    def test_no_file(self, options, tmp_path):
        with pytest.raises(FileNotFoundError):
            options.parse_config_file(str(tmp_path / "none"))

    def test_it_knows_its_path(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config.py").write_text("x = __file__")
        parser = OptionParser()
        parser.define("x")
        parser.parse_config_file("config.py")
        assert parser.x == str(tmp_path / "config.py")

    def test_callbacks_run_after_the_final_one(self, options, tmp_path):
        calls = []
        options.add_parse_callback(lambda: calls.append("called"))
        (tmp_path / "config.py").write_text("")
        options.parse_config_file(str(tmp_path / "config.py"), final=False)
        assert calls == []
        options.parse_config_file(str(tmp_path / "config.py"))
        assert calls == ["called"]


class TestMockable:
    def test_nested_patches(self, options):
        options.define("x", default=1)
        with mock.patch.object(options.mockable(), "x", 2):
            with mock.patch.object(options.mockable(), "x", 3):
                assert options.x == 3
            assert options.x == 2
        assert options.x == 1

    def test_misuse(self, options):
        options.define("x", default=1)
        mockable = options.mockable()
        mockable.x = 2
        with pytest.raises(AssertionError, match="mockable"):
            mockable.x = 3
        with pytest.raises(AttributeError):
            mockable.unknown = 1
        del mockable.x
        assert options.x == 1


class TestGlobalOptions:
    def test_functions_work_on_the_global_parser(self, monkeypatch, tmp_path, capsys):
        parser = OptionParser()
        monkeypatch.setattr(pyframework.options, "options", parser)
        calls = []
        pyframework.options.define("x", default=1)
        pyframework.options.add_parse_callback(lambda: calls.append(parser.x))
        assert pyframework.options.parse_command_line(["program", "--x=2", "rest"]) == ["rest"]
        (tmp_path / "config.py").write_text("x = 3")
        pyframework.options.parse_config_file(str(tmp_path / "config.py"))
        assert calls == [2, 3]
        assert parser.group_dict(__file__) == {"x": 3}
        pyframework.options.print_help()
        assert "--x" in capsys.readouterr().err

    def test_the_logging_options_are_there(self):
        assert {"logging", "log_to_stderr", "log_file_prefix"} <= set(pyframework.options.options)
