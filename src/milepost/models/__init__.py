"""The unified data model, which is the published contract: frozen structs, no I/O."""
