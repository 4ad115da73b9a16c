import builtins
import importlib
import inspect
import pkgutil

import otel_recmon
from otel_recmon.errors import RecmonError


def test_every_exception_of_the_package_has_the_one_base() -> None:
    modules = [importlib.import_module(i.name) for i in pkgutil.walk_packages(otel_recmon.__path__, "otel_recmon.")]
    raised = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith("otel_recmon.")
    }

    assert RecmonError in raised
    assert [one.__qualname__ for one in raised if not issubclass(one, RecmonError)] == []
    assert not [one for one in raised if hasattr(builtins, one.__name__)]
