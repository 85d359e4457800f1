"""Write the golden cards again."""

from tests.serving.explain.golden import write

write()
