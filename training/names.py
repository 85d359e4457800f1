"""What a model is called, from the name of its section of the configuration."""


def title_of(section: str) -> str:
    """Return the name of a model in a sentence: `next product`."""
    return section.replace("_", " ")


def command_of(section: str) -> str:
    """Return the name of a model on the command line, and of its runs in MLflow: `next-product`."""
    return section.replace("_", "-")


def registered_name_of(section: str) -> str:
    """Return the name of a model in MLflow's registry: `encore-next-product`."""
    return f"encore-{command_of(section)}"
