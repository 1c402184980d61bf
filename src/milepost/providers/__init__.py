"""One folder a provider; nobody imports one by name, `kit.registry` finds them."""
