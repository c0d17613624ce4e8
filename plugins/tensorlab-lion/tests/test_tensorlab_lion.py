"""Everything that tensorlab asks of a plugin, one test a check."""

from tensorlab.testing import plugin_test

test_plugin = plugin_test("tensorlab-lion")
