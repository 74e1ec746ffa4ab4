"""Where templates come from."""

import os.path
import posixpath
import threading
from typing import Any

from pyframework.template._template import _DEFAULT_AUTOESCAPE, Template


class BaseLoader:
    """Finds templates by their names and keeps what it has compiled. Subclasses say where they are.

    :arg autoescape: the name of the function that escapes values, as templates see it; None: they are not escaped
    :arg namespace: names for all templates
    :arg whitespace: see `filter_whitespace`; default by the ending of the name
    """

    def __init__(
        self,
        autoescape: str | None = _DEFAULT_AUTOESCAPE,
        namespace: dict[str, Any] | None = None,
        whitespace: str | None = None,
    ) -> None:
        self.autoescape = autoescape
        self.namespace = namespace or {}
        self.whitespace = whitespace
        self.templates: dict[str, Template] = {}
        # One template loads others while it is compiled, so in the same thread.
        self.lock = threading.RLock()

    def reset(self) -> None:
        """Forget all compiled templates."""
        with self.lock:
            self.templates = {}

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return the name as `load` keeps it.

        :arg parent_path: the template that names it: relative names are meant from there
        """
        raise NotImplementedError

    def load(self, name: str, parent_path: str | None = None) -> Template:
        """Return a template, compiled if it is not yet; arguments as for `resolve_path`."""
        name = self.resolve_path(name, parent_path=parent_path)
        with self.lock:
            template = self.templates.get(name)
            if template is None:
                template = self.templates[name] = self._create_template(name)
            return template

    def _create_template(self, name: str) -> Template:
        raise NotImplementedError


def _is_relative(name: str, parent_path: str | None) -> bool:
    return bool(parent_path) and not name.startswith("/") and not str(parent_path).startswith(("<", "/"))


class Loader(BaseLoader):
    """Loads templates from a folder.

    :arg root_directory: the folder
    :arg kwargs: as for `BaseLoader`
    """

    def __init__(self, root_directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root = os.path.abspath(root_directory)

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        if parent_path is not None and _is_relative(name, parent_path):
            folder = os.path.dirname(os.path.join(self.root, parent_path))
            path = os.path.relpath(os.path.abspath(os.path.join(folder, name)), self.root)
            if not path.startswith(os.pardir):
                return path
        return name

    def _create_template(self, name: str) -> Template:
        with open(os.path.join(self.root, name), "rb") as file:
            return Template(file.read(), name=name, loader=self)


class DictLoader(BaseLoader):
    """Loads templates from a dict.

    :arg dict: the texts by name
    :arg kwargs: as for `BaseLoader`
    """

    def __init__(self, dict: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dict = dict

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        if parent_path is not None and _is_relative(name, parent_path):
            return posixpath.normpath(posixpath.join(posixpath.dirname(parent_path), name))
        return name

    def _create_template(self, name: str) -> Template:
        return Template(self.dict[name], name=name, loader=self)
