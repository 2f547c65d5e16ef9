"""Stands for what Debian's package of Buildbot lacks.

Buildbot serves its REST API only if the package of the web interface is there. And it stops a build only with a class
of its tests, which the package leaves out.
"""

import sys
import types

from buildbot.www.plugin import Application

for name in ('buildbot.test', 'buildbot.test.fake', 'buildbot.test.fake.reactor'):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules['buildbot.test.fake.reactor'].NonThreadPool = type('NonThreadPool', (), {})

ep = Application(__name__, 'No web interface')
