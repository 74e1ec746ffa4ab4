import pytest


def test_settings_are_those_of_the_application(make_handler):
    handler = make_handler(color="red")
    assert handler.settings is handler.application.settings
    assert handler.settings["color"] == "red"


@pytest.mark.parametrize("settings", [{}, {"color": ""}])
def test_require_setting(make_handler, settings):
    with pytest.raises(Exception, match="You must define the 'color' setting in your application to use paint"):
        make_handler(**settings).require_setting("color", "paint")


def test_required_setting_is_there(make_handler):
    make_handler(color="red").require_setting("color")
