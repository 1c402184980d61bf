"""One file per resource of the contract."""
