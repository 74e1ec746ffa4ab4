"""The application's settings as a handler sees them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyframework.web._application import Application


class SettingsMixin:
    """What a `RequestHandler` knows of its application."""

    application: "Application"

    @property
    def settings(self) -> dict[str, Any]:
        """The application's settings: `self.application.settings`."""
        return self.application.settings

    def require_setting(self, name: str, feature: str = "this feature") -> None:
        """Raise an exception that names the setting which a feature needs, if it is not there."""
        if not self.application.settings.get(name):
            raise Exception(f"You must define the '{name}' setting in your application to use {feature}")
